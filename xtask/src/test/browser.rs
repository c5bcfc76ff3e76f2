//! The status page in a headless Chromium, against a demo of its own.
//!
//! Invariant: what is missing on this machine is named, and the step is then skipped, not
//! passed. With `IGW_BLESS` the documentation's pictures of the page are written as well:
//! one command makes them all anew.

use crate::demo;
use crate::project;
use crate::tools::on_path;
use anyhow::{Context, Result, ensure};
use std::env;
use std::path::PathBuf;
use std::process::Command;

/// Chromium's program, if it is none of the usual ones.
const CHROMIUM: &str = "IGW_CHROMIUM";

/// Writes what a test would compare.
const BLESS: &str = "IGW_BLESS";

/// Why the step cannot run here; none if it can.
pub(super) fn missing() -> Option<String> {
    if chromium().is_none() {
        return Some(format!(
            "no chromium on the PATH (Debian: apt-get install chromium) or in {CHROMIUM}"
        ));
    }
    let missing = ["node", "npm"].into_iter().find(|program| on_path(program).is_none())?;
    Some(format!("no {missing} on the PATH (Debian: apt-get install nodejs npm)"))
}

/// Runs the tests.
pub(super) fn run() -> Result<()> {
    let folder = project::root().join("tests/browser");
    let chromium = chromium().context("chromium is gone")?;
    if !folder.join("node_modules/playwright-core").is_dir() {
        done(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder))?;
    }
    demo::beside(|addresses| {
        let mut node = Command::new("node");
        node.args(["--test", "status.test.mjs"])
            .current_dir(&folder)
            .env("GATEWAY_URL", &addresses.gateway)
            .env("STATUS_URL", &addresses.status)
            .env("CHROMIUM", &chromium)
            .env_remove("SCREENSHOTS");
        if env::var_os(BLESS).is_some() {
            node.env("SCREENSHOTS", project::root().join("docs/images"));
        }
        done(&mut node)
    })
}

fn done(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("cannot run {program}"))?;
    ensure!(status.success(), "{program} ended with {status}");
    Ok(())
}

fn chromium() -> Option<PathBuf> {
    let named = env::var_os(CHROMIUM).map(PathBuf::from);
    named
        .or_else(|| ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(on_path))
}
