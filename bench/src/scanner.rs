//! Runs the scanner's comparison as a program, natively or in Node, and collects what
//! it printed.

use crate::bodies::Size;
use crate::compare::Row;
use anyhow::{Context, Result, ensure};
use std::process::{Command, Stdio};

/// Runs `program`, which is `bench-scanner` or what runs it, with these rounds and
/// sizes.
///
/// # Errors
/// The program cannot be run, fails, or prints something else.
pub fn collect(program: &mut Command, rounds: usize, sizes: &[Size]) -> Result<Vec<Row>> {
    let name = program.get_program().to_string_lossy().into_owned();
    let output = program
        .arg(rounds.to_string())
        .args(sizes.iter().map(|size| size.0.to_string()))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    ensure!(output.status.success(), "{name} ended with {}", output.status);
    let text = String::from_utf8(output.stdout).context("the figures are not text")?;
    let rows = text.lines().map(serde_json::from_str);
    rows.collect::<Result<_, _>>().with_context(|| format!("not figures: {text}"))
}
