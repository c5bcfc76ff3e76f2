//! The fuzz target `scanner` on libFuzzer; see `src/scanner.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gateway_fuzz::scanner::check(data));
