//! The fuzz target `multipart` on libFuzzer; see `src/multipart.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gateway_fuzz::multipart::check(data));
