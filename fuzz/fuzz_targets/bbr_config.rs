//! The fuzz target `bbr_config` on libFuzzer; see `src/bbr_config.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gateway_fuzz::bbr_config::check(data));
