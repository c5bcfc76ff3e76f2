//! A process beside Envoy that belongs to a contestant.
//!
//! Invariant: it ends with this process, however that ends: its standard input is a pipe
//! from here, and it reads it.

use super::GATEWAY_CPU;
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running helper; ends when dropped.
#[derive(Debug)]
pub struct Helper {
    child: Child,
    port: u16,
}

impl Helper {
    /// Starts a program that prints the port it serves on, on the gateway's core.
    ///
    /// # Errors
    /// It cannot be started, or prints something else.
    pub fn start(program: &Path, arguments: &[&str]) -> Result<Self> {
        let name = program.display();
        let mut child = Command::new(program)
            .arg(GATEWAY_CPU.to_string())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {name}"))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let port = line.trim().parse().with_context(|| format!("{name} named no port: {line}"));
        Ok(Self { port: port?, child })
    }

    /// Where it serves.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // It has ended already, or ends with its standard input.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
