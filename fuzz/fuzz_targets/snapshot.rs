//! The fuzz target `snapshot` on libFuzzer; see `src/snapshot.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gateway_fuzz::snapshot::check(data));
