//! The fuzz target `orca` on libFuzzer; see `src/orca.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gateway_fuzz::orca::check(data));
