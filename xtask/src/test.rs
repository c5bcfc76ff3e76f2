//! `cargo xtask test`: every test, with a summary of what ran and how long it took.
//!
//! Invariant: the tests that drive Envoy run on the modules that were just built.

use crate::build;
use crate::project;
use crate::steps::Steps;
use crate::toolchain::Choice;
use anyhow::{Context, Result, ensure};
use std::process::Command;

/// What `cargo xtask test` can be told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Which compiler builds for Wasm
    #[arg(long, value_enum, default_value_t = Choice::Auto)]
    toolchain: Choice,
}

/// Runs every test.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut steps = Steps::default();
    let built = steps.run("build the filters", || {
        build::run(&build::Arguments { toolchain: arguments.toolchain })
    });
    let tests = "test the workspace";
    if built {
        steps.run(tests, || cargo(&["test", "--workspace"]));
    } else {
        steps.skip(tests, "the filters did not build");
    }
    steps.finish()
}

fn cargo(arguments: &[&str]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(arguments)
        .current_dir(project::root())
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "cargo {} ended with {status}", arguments.join(" "));
    Ok(())
}
