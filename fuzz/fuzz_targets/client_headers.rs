//! The fuzz target `client_headers` on libFuzzer; see `src/client_headers.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gateway_fuzz::client_headers::check(data));
