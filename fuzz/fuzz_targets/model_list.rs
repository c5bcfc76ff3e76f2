//! The fuzz target `model_list` on libFuzzer; see `src/model_list.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gateway_fuzz::model_list::check(data));
