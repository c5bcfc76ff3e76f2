//! The fuzz target `picker_config` on libFuzzer; see `src/picker_config.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gateway_fuzz::picker_config::check(data));
