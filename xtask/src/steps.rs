//! A sequence of named steps with a summary of how long each took.
//!
//! Invariant: a step that fails does not hide the later ones' names from the summary;
//! the summary says which ran, which failed and which were not reached.

use anyhow::{Result, bail};
use std::time::{Duration, Instant};

enum Outcome {
    Passed,
    Failed,
    Skipped(String),
}

/// Steps run so far.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<(String, Duration, Outcome)>,
}

impl Steps {
    /// Runs one step; a failure is printed and remembered, and does not end the run.
    pub(crate) fn run(&mut self, name: &str, step: impl FnOnce() -> Result<()>) -> bool {
        println!("\n==> {name}");
        let begin = Instant::now();
        let outcome = match step() {
            Ok(()) => Outcome::Passed,
            Err(error) => {
                eprintln!("error: {name}: {error:#}");
                Outcome::Failed
            }
        };
        let passed = matches!(outcome, Outcome::Passed);
        self.done.push((name.to_owned(), begin.elapsed(), outcome));
        passed
    }

    /// Remembers that a step was not run, and why.
    pub(crate) fn skip(&mut self, name: &str, reason: &str) {
        println!("\n==> {name}: not run, {reason}");
        self.done.push((name.to_owned(), Duration::ZERO, Outcome::Skipped(reason.to_owned())));
    }

    /// Prints the summary; an error if any step failed.
    pub(crate) fn finish(self) -> Result<()> {
        println!("\n{}", self.summary());
        let failed: Vec<&str> = self
            .done
            .iter()
            .filter(|(_, _, outcome)| matches!(outcome, Outcome::Failed))
            .map(|(name, ..)| name.as_str())
            .collect();
        if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
    }

    fn summary(&self) -> String {
        let width = self.done.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
        let lines = self.done.iter().map(|(name, time, outcome)| {
            let outcome = match outcome {
                Outcome::Passed => "ok",
                Outcome::Failed => "FAILED",
                Outcome::Skipped(reason) => &format!("not run: {reason}"),
            };
            format!("{name:width$}  {:>7.1} s  {outcome}", time.as_secs_f64())
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_step_fails_the_whole_and_is_named() {
        let mut steps = Steps::default();
        assert!(steps.run("first", || Ok(())));
        assert!(!steps.run("second", || bail!("no")));
        steps.skip("third", "second failed");
        let summary = steps.summary();
        assert!(summary.contains("second") && summary.contains("FAILED"), "{summary}");
        assert!(summary.contains("not run: second failed"), "{summary}");
        assert_eq!(steps.finish().unwrap_err().to_string(), "failed: second");
    }

    #[test]
    fn steps_that_pass_or_were_left_out_do_not_fail_the_whole() {
        let mut steps = Steps::default();
        steps.run("first", || Ok(()));
        steps.skip("second", "not asked for");
        assert!(steps.finish().is_ok());
    }
}
