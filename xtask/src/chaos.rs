//! `cargo xtask chaos`: faults on a real Envoy under load, and a judgement of every
//! request.
//!
//! Rejected: calling the crate from here. It drags in Envoy's whole harness, and each
//! other command would wait for that to compile. And `cargo run --package chaos`, which
//! settles on fewer features than the workspace's tests, and builds half of it again.

use crate::build;
use crate::toolchain::Choice;
use crate::tools::cargo;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const PACKAGE: &str = "chaos";

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
    let status = Command::new(program()?).args(arguments).stdin(Stdio::null()).status();
    let status = status.context("cannot run chaos")?;
    ensure!(status.success(), "chaos ended with {status}");
    Ok(())
}

/// Builds the program, as one of the workspace's; where it is.
fn program() -> Result<PathBuf> {
    let output = cargo()
        .args(["build", "--workspace", "--bin", PACKAGE])
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(output.status.success(), "chaos did not compile ({})", output.status);
    let messages = output.stdout.split(|byte| *byte == b'\n');
    executable(messages.filter_map(|line| serde_json::from_slice(line).ok()))
        .context("cargo does not say where chaos is")
}

fn executable(messages: impl Iterator<Item = Value>) -> Option<PathBuf> {
    let of = |message: &Value, pointer| message.pointer(pointer)?.as_str().map(str::to_owned);
    let mut programs = messages.filter(|message| {
        of(message, "/target/name").as_deref() == Some(PACKAGE)
            && of(message, "/reason").as_deref() == Some("compiler-artifact")
    });
    programs.find_map(|message| of(&message, "/executable")).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_program_is_told_from_its_library() {
        let messages = [
            json!({"reason": "compiler-artifact", "target": {"name": "igw"}, "executable": "/igw"}),
            json!({"reason": "compiler-artifact", "target": {"name": PACKAGE}, "executable": null}),
            json!({"reason": "compiler-artifact", "target": {"name": PACKAGE}, "executable": "/c"}),
            json!({"reason": "build-finished", "success": true}),
        ];
        assert_eq!(executable(messages.into_iter()), Some("/c".into()));
    }
}
