//! A server of somebody else's that a command runs beside its work.
//!
//! Invariant: it ends when the value is dropped; what it said is in a file, whose end is part
//! of every error about it.

use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// On a busy machine, a server that reads its first state takes this long at most.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(200);
/// How many lines of the log an error carries.
const TAIL: usize = 20;

pub(crate) struct Daemon {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts it; its log is `folder/name.log`.
    pub(crate) fn start(name: &'static str, command: &mut Command, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("cannot make {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child, log })
    }

    /// Waits until `ready` says so.
    pub(crate) fn wait(&mut self, ready: impl Fn() -> bool) -> Result<()> {
        let begin = Instant::now();
        while !ready() {
            let ended = self.child.try_wait()?;
            if let Some(status) = ended {
                bail!("{} ended by itself ({status}); its log ends:\n{}", self.name, self.tail());
            }
            if begin.elapsed() > PATIENCE {
                bail!("{} is not ready; its log ends:\n{}", self.name, self.tail());
            }
            sleep(POLL);
        }
        Ok(())
    }

    fn tail(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(TAIL)).copied().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `done` gives something.
pub(crate) fn eventually<T>(what: &str, done: impl Fn() -> Result<Option<T>>) -> Result<T> {
    let begin = Instant::now();
    loop {
        if let Some(value) = done()? {
            return Ok(value);
        }
        if begin.elapsed() > PATIENCE {
            bail!("{what}: not within {} s", PATIENCE.as_secs());
        }
        sleep(POLL);
    }
}
