//! How many tests passed and failed, counted from what the test programs print.
//!
//! Invariant: what is read is passed on, line by line, so nothing is hidden and nothing
//! waits for the end. Rejected: libtest's JSON, which only nightly compilers print and
//! the runner for Wasm does not.

use anyhow::{Context, Result, ensure};
use std::fmt;
use std::io::{BufRead, BufReader, Write, stdout};
use std::process::{Command, Stdio};

/// Tests that ended so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    passed: u64,
    failed: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

impl Tally {
    /// How many tests ran.
    pub(super) fn ran(self) -> u64 {
        self.passed + self.failed
    }

    /// Whether a test failed.
    pub(super) fn has_failures(self) -> bool {
        self.failed > 0
    }

    /// Counts what is not a test program (a build, the demo) as one test that failed.
    pub(super) fn add_failure(&mut self) {
        self.failed += 1;
    }

    /// Adds what another one counted.
    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Runs a test program, or cargo that runs some, shows what it prints and counts.
    ///
    /// # Errors
    /// The program cannot be run, or says that it failed.
    pub(super) fn run(&mut self, command: &mut Command) -> Result<()> {
        self.run_to(command, stdout())
    }

    fn run_to(&mut self, command: &mut Command, to: impl Write) -> Result<()> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {name}"))?;
        let output = child.stdout.take().context("its output is piped")?;
        let read = self.read(BufReader::new(output), to);
        // In any case: a process that nobody waits for is left behind.
        let status = child.wait().with_context(|| format!("cannot wait for {name}"))?;
        read.with_context(|| format!("cannot pass on what {name} prints"))?;
        ensure!(status.success(), "it ended with {status}");
        Ok(())
    }

    fn read(&mut self, mut from: impl BufRead, mut to: impl Write) -> std::io::Result<()> {
        let mut line = Vec::new();
        // Bytes: a test may print what is not UTF-8.
        while from.read_until(b'\n', &mut line)? > 0 {
            to.write_all(&line)?;
            to.flush()?;
            self.count(&String::from_utf8_lossy(&line));
            line.clear();
        }
        Ok(())
    }

    /// `test result: ok. 12 passed; 0 failed; 0 ignored; …`
    fn count(&mut self, line: &str) {
        let Some(result) = line.trim_start().strip_prefix("test result: ") else { return };
        for part in result.split(['.', ';']) {
            let Some((number, what)) = part.trim().split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_added_up_and_every_line_is_passed_on() {
        let text = b"running 3 tests\ntest a ... ok\n\xff\ntest result: ok. 3 passed; 0 failed; \
                     1 ignored; 0 measured; 7 filtered out; finished in 0.12s\n\
                     test result: FAILED. 10 passed; 2 failed; 0 ignored; finished in 1.5s";
        let mut tally = Tally::default();
        let mut seen = Vec::new();
        tally.read(&text[..], &mut seen).unwrap();
        assert_eq!(seen, text);
        assert_eq!(tally, Tally { passed: 13, failed: 2 });
        assert_eq!(tally.to_string(), "13 passed, 2 failed");
    }

    #[test]
    fn what_tests_print_themselves_is_not_counted() {
        let mut tally = Tally::default();
        tally.count("3 passed; 2 failed");
        tally.count("test result: unknown");
        assert_eq!(tally, Tally::default());
    }

    #[test]
    fn a_program_that_fails_is_an_error_and_its_tests_count() {
        let mut tally = Tally::default();
        let script = "echo 'test result: FAILED. 1 passed; 1 failed'; exit 101";
        let mut program = Command::new("sh");
        // Not to stdout: who counts the tests of this run would count these.
        let error = tally.run_to(program.args(["-c", script]), Vec::new()).unwrap_err();
        assert!(error.to_string().contains("101"), "{error}");
        assert_eq!(tally, Tally { passed: 1, failed: 1 });
    }
}
