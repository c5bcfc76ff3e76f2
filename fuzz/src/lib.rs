//! The fuzz targets: for each a function that takes any bytes and panics on a finding.
//!
//! Invariant: a target is an ordinary function without a fuzzing engine around it, so
//! `cargo test` replays the corpora with the stable compiler; `fuzz_targets/` holds
//! nothing but the calls. Rejected: targets inside `fuzz_target!`, which only a fuzzer
//! can run.

pub mod bbr_config;
pub mod client_headers;
pub mod cuts;
pub mod exposition;
pub mod model_list;
pub mod multipart;
pub mod orca;
pub mod picker_config;
pub mod scanner;
mod second_opinion;
pub mod snapshot;

use shared::config::ConfigError;

/// A configuration that was accepted. Panics if one was refused without a word of why.
fn accepted<Settings>(read: Result<Settings, ConfigError>) -> Option<Settings> {
    read.inspect_err(|error| {
        assert!(!error.field.is_empty() && !error.problem.is_empty(), "{error:?}");
    })
    .ok()
}

/// A fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: that of its module, its program and its folder of `corpus/`.
    pub name: &'static str,
    /// Panics if the bytes show a bug.
    pub check: fn(&[u8]),
}

macro_rules! targets {
    ($($name:ident,)+) => {
        /// All targets.
        pub const TARGETS: &[Target] =
            &[$(Target { name: stringify!($name), check: $name::check },)+];
    };
}

targets! {
    scanner,
    multipart,
    exposition,
    snapshot,
    bbr_config,
    picker_config,
    orca,
    client_headers,
    model_list,
}
