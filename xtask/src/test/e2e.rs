//! The end-to-end tests on one Envoy.
//!
//! Invariant: nothing is compiled for it that the workspace's tests did not compile.
//! Rejected: `cargo test --package gateway-tests`; with fewer packages cargo settles on
//! fewer features, and builds half of the workspace and every test program again.

use super::tally::Tally;
use crate::tools::cargo;
use anyhow::Result;
use envoy_runner::EnvoyVersion;

/// Tells the end-to-end tests which pinned Envoy to use.
pub(super) const ENVOY_VERSION: &str = "IGW_ENVOY_VERSION";

/// The program of these tests.
const PROGRAM: &str = "e2e";

/// Runs the end-to-end tests.
pub(super) fn run(envoy: EnvoyVersion, tally: &mut Tally) -> Result<()> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--test", PROGRAM]);
    tally.run(command.env(ENVOY_VERSION, envoy.to_string()))
}
