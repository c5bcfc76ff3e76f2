//! Programs of this workspace that a command starts.
//!
//! Rejected: calling their crates from here. They drag in more than a developer command
//! needs, and each other command would wait for that to compile. And `cargo run --package`,
//! which settles on fewer features than the workspace's tests, and builds half of it again.

use crate::tools::cargo;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Stdio;

/// Builds the program, as one of the workspace's; where it is.
pub(crate) fn build(name: &str) -> Result<PathBuf> {
    let output = cargo()
        .args(["build", "--workspace", "--bin", name])
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(output.status.success(), "{name} did not compile ({})", output.status);
    let messages = output.stdout.split(|byte| *byte == b'\n');
    executable(name, messages.filter_map(|line| serde_json::from_slice(line).ok()))
        .with_context(|| format!("cargo does not say where {name} is"))
}

fn executable(name: &str, messages: impl Iterator<Item = Value>) -> Option<PathBuf> {
    let of = |message: &Value, pointer| message.pointer(pointer)?.as_str().map(str::to_owned);
    let mut programs = messages.filter(|message| {
        of(message, "/target/name").as_deref() == Some(name)
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
            json!({"reason": "compiler-artifact", "target": {"name": "chaos"}, "executable": null}),
            json!({"reason": "compiler-artifact", "target": {"name": "chaos"}, "executable": "/c"}),
            json!({"reason": "build-finished", "success": true}),
        ];
        assert_eq!(executable("chaos", messages.into_iter()), Some("/c".into()));
    }
}
