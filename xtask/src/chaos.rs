//! `cargo xtask chaos`: faults on a real Envoy under load, and a judgement of every
//! request.

use crate::toolchain::Choice;
use crate::{binary, build};
use anyhow::{Context, Result, ensure};
use std::process::{Command, Stdio};

/// What `cargo xtask chaos` can be told.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// Which compiler builds the filters for Wasm
    #[arg(long, value_enum, default_value_t = Choice::Auto)]
    toolchain: Choice,
    /// `--seed`, `--seconds`, `--soak`, `--quick`, `--only`: see `--help`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Builds the filters and runs it.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let asks = |word: &str| arguments.rest.iter().any(|argument| argument == word);
    if !asks("--help") && !asks("-h") {
        build::run(&build::Arguments { toolchain: arguments.toolchain })?;
    }
    start(&arguments.rest)
}

/// The bounded form, on filters that are built.
pub(crate) fn quick() -> Result<()> {
    start(&["--quick", "--soak", "4"].map(str::to_owned))
}

fn start(arguments: &[String]) -> Result<()> {
    let status =
        Command::new(binary::build("chaos")?).args(arguments).stdin(Stdio::null()).status();
    let status = status.context("cannot run chaos")?;
    ensure!(status.success(), "chaos ended with {status}");
    Ok(())
}
