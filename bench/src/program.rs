//! Runs a comparison that is a program of its own, natively or in Node, and collects what
//! it printed.

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use std::process::{Command, Stdio};

/// Runs `program`, which is the comparison or what runs it, with these numbers as
/// arguments; it prints one row of figures per line.
///
/// # Errors
/// The program cannot be run, fails, or prints something else.
pub fn collect<T: DeserializeOwned>(program: &mut Command, numbers: &[usize]) -> Result<Vec<T>> {
    let name = program.get_program().to_string_lossy().into_owned();
    let output = program
        .args(numbers.iter().map(ToString::to_string))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    ensure!(output.status.success(), "{name} ended with {}", output.status);
    let text = String::from_utf8(output.stdout).context("the figures are not text")?;
    let rows = text.lines().map(serde_json::from_str);
    rows.collect::<Result<_, _>>().with_context(|| format!("not figures: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_rows_and_a_failure_is_an_error() {
        let echo = |text: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", text, "sh"]);
            command
        };
        assert_eq!(collect::<u32>(&mut echo("printf '1\\n%s\\n' $1"), &[7]).unwrap(), [1, 7]);
        assert!(collect::<u32>(&mut echo("echo no number"), &[]).is_err());
        assert!(collect::<u32>(&mut echo("echo 1; exit 3"), &[]).is_err());
    }
}
