//! `cargo xtask lint`: format and clippy, natively and for Wasm.
//!
//! Invariant: every warning is an error here, and only here: while somebody works on
//! the code, a warning stops nothing.

use crate::build;
use crate::steps::Steps;
use crate::toolchain::{Choice, Target, Toolchain};
use crate::tools::cargo;
use anyhow::{Context, Result, ensure};
use std::process::{Command, Stdio};

const DENY: [&str; 3] = ["--", "--deny", "warnings"];

/// What `cargo xtask lint` can be told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Which compiler builds for Wasm
    #[arg(long, value_enum, default_value_t = Choice::Auto)]
    toolchain: Choice,
}

/// Checks the format and lints everything.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut steps = Steps::default();
    steps.run("format", || check(cargo().args(["fmt", "--all", "--check"])));
    steps.run("clippy, native", || {
        check(cargo().args(["clippy", "--workspace", "--all-targets"]).args(DENY))
    });
    let name = "clippy, filters for Wasm";
    match Toolchain::choose(Target::Wasip1, arguments.toolchain) {
        Ok(toolchain) => match toolchain.clippy() {
            Some(mut clippy) => {
                steps.run(name, || check(clippy.args(build::packages()).args(DENY)));
            }
            None => steps.skip(name, "this compiler comes without clippy"),
        },
        Err(error) => {
            steps.run(name, || Err(error.into()));
        }
    }
    steps.finish()
}

fn check(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().context("cannot run cargo")?;
    ensure!(status.success(), "it ended with {status}");
    Ok(())
}
