//! The end-to-end tests on one Envoy.
//!
//! Invariant: nothing is compiled for it that the workspace's tests did not compile.
//! Rejected: `cargo test --package gateway-tests`; with fewer packages cargo settles on
//! fewer features, and builds half of the workspace and every test program again.

use super::tally::Tally;
use crate::tools::cargo;
use anyhow::{Context, Result, ensure};
use envoy_runner::EnvoyVersion;
use serde_json::Value;

/// Tells the end-to-end tests which pinned Envoy to use.
pub(super) const ENVOY_VERSION: &str = "IGW_ENVOY_VERSION";

const PACKAGE: &str = "gateway-tests";

/// Runs the end-to-end tests.
pub(super) fn run(envoy: EnvoyVersion, tally: &mut Tally) -> Result<()> {
    let programs = programs()?;
    let mut command = cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]);
    command.args(programs.iter().flat_map(|program| ["--test", program]));
    tally.run(command.env(ENVOY_VERSION, envoy.to_string()))
}

/// The package's test programs, as cargo names them.
fn programs() -> Result<Vec<String>> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("cannot run cargo")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo metadata: {}", error.trim());
    let metadata = serde_json::from_slice(&output.stdout).context("cargo metadata is no JSON")?;
    let programs = programs_in(&metadata);
    ensure!(!programs.is_empty(), "{PACKAGE} has no tests");
    Ok(programs)
}

fn programs_in(metadata: &Value) -> Vec<String> {
    let list = |value: &Value, field: &str| -> Vec<Value> {
        value.get(field).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let text = |value: &Value| value.get("name").and_then(Value::as_str).map(str::to_owned);
    list(metadata, "packages")
        .iter()
        .filter(|package| text(package).as_deref() == Some(PACKAGE))
        .flat_map(|package| list(package, "targets"))
        .filter(|target| list(target, "kind").iter().any(|kind| kind == "test"))
        .filter_map(|target| text(&target))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_packages_own_test_programs_are_run() {
        let metadata = json!({"packages": [
            {"name": "other", "targets": [{"name": "theirs", "kind": ["test"]}]},
            {"name": PACKAGE, "targets": [
                {"name": "gateway_tests", "kind": ["lib"]},
                {"name": "guides", "kind": ["test"]},
                {"name": "framing", "kind": ["test"]},
            ]},
        ]});
        assert_eq!(programs_in(&metadata), ["guides", "framing"]);
        assert!(programs_in(&json!({})).is_empty());
    }

    #[test]
    fn cargo_knows_the_end_to_end_tests() {
        assert!(programs().unwrap().contains(&"guides".to_owned()));
    }
}
