//! The fuzz target `exposition` on libFuzzer; see `src/exposition.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gateway_fuzz::exposition::check(data));
