//! The end-to-end tests on one Envoy.
//!
//! Invariant: nothing is compiled for it that the workspace's tests did not compile.
//! Rejected: `cargo test --package gateway-tests`; with fewer packages cargo settles on
//! fewer features, and builds half of the workspace and every test program again.

use super::tally::Tally;
use crate::tools::cargo;
use anyhow::Result;
use envoy_runner::EnvoyVersion;
use std::env;
use std::process::Command;
use std::thread::available_parallelism;

/// Tells the end-to-end tests which pinned Envoy to use.
pub(super) const ENVOY_VERSION: &str = "IGW_ENVOY_VERSION";

/// The program of these tests.
const PROGRAM: &str = "e2e";

/// Runs the end-to-end tests.
pub(super) fn run(envoy: EnvoyVersion, tally: &mut Tally) -> Result<()> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--test", PROGRAM]);
    fill_cores(&mut command);
    tally.run(command.env(ENVOY_VERSION, envoy.to_string()))
}

/// Runs half as many tests again as there are cores, unless the user says how many: a third
/// of an end-to-end test's time goes to waiting for an Envoy, a tick or a time limit. Twice
/// as many as cores were an eighth faster, but hold up each other's ticks.
pub(super) fn fill_cores(tests: &mut Command) {
    const THREADS: &str = "RUST_TEST_THREADS";
    if env::var_os(THREADS).is_none() {
        let cores = available_parallelism().map_or(1, usize::from);
        tests.env(THREADS, cores.saturating_mul(3).div_ceil(2).to_string());
    }
}
