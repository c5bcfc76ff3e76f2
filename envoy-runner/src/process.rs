//! A running Envoy.
//!
//! Invariant: dropping the handle ends the process; `wait_ready` returns only when
//! *this* Envoy answers, not another one that holds the same admin port; and every
//! failure carries the end of Envoy's log, where the reason stands.
//!
//! Rejected: an asynchronous interface. Starting a process is rare and short, and so
//! the crate needs no runtime; callers inside one use `spawn_blocking`.

mod admin;
mod error;

pub use admin::AdminError;
pub use error::{ReadyError, StartError, StopError};

use crate::bootstrap::Bootstrap;
use crate::obtain::EnvoyBinary;
use crate::spawn::{Kept, spawn};
use admin::Admin;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How often a start or an end is looked for.
const POLL: Duration = Duration::from_millis(20);
/// How many lines of the log an error carries.
const TAIL_LINES: usize = 20;

/// How to run an Envoy.
#[derive(Clone, Debug)]
pub struct Options {
    /// Worker threads, at least 1.
    pub concurrency: u32,
    /// `trace`, `debug`, `info`, `warning`, `error`, `critical` or `off`.
    pub log_level: String,
    /// Folder for configuration and logs; none: a temporary one, removed at the end.
    pub dir: Option<PathBuf>,
    /// CPUs to pin Envoy to (Linux only); empty: all.
    pub cpus: Vec<usize>,
    /// Further arguments for Envoy.
    pub extra_args: Vec<OsString>,
    /// Further variables in Envoy's environment.
    pub env: Vec<(OsString, OsString)>,
    /// How long Envoy may take to end by itself before it is killed.
    pub grace: Duration,
}

impl Default for Options {
    /// Two workers, since one would hide what goes wrong between them.
    fn default() -> Self {
        Self {
            concurrency: 2,
            log_level: "info".to_owned(),
            dir: None,
            cpus: Vec::new(),
            extra_args: Vec::new(),
            env: Vec::new(),
            grace: Duration::from_secs(5),
        }
    }
}

/// A running Envoy; ends when dropped.
#[derive(Debug)]
pub struct Envoy {
    kept: Kept,
    admin: Admin,
    config: PathBuf,
    dir: PathBuf,
    grace: Duration,
    /// Removes the temporary folder after the process is gone.
    _temporary: Option<TempDir>,
}

impl Envoy {
    /// Starts Envoy on `bootstrap`. It is not ready yet: see [`Self::wait_ready`].
    ///
    /// # Errors
    /// The configuration has no admin address, or a file or the process could not be
    /// made. That Envoy dislikes the configuration shows in [`Self::wait_ready`].
    pub fn start(
        binary: &EnvoyBinary,
        bootstrap: &Bootstrap,
        options: Options,
    ) -> Result<Self, StartError> {
        let admin = Admin::new(bootstrap.admin_address()?);
        let temporary = match options.dir {
            None => Some(temporary_folder().map_err(StartError::Folder)?),
            Some(_) => None,
        };
        let dir = options.dir.or_else(|| temporary.as_ref().map(|t| t.path().to_owned()));
        let dir = dir.unwrap_or_default();
        fs::create_dir_all(&dir).map_err(StartError::Folder)?;
        let config = bootstrap.write(&dir)?;
        let output = |name: &str| File::create(dir.join(name)).map_err(StartError::Folder);

        let mut command = Command::new(&binary.path);
        command
            .arg("--config-path")
            .arg(&config)
            .args(["--concurrency", &options.concurrency.max(1).to_string()])
            .args(["--log-level", &options.log_level])
            // Hot restart shares memory under one base id per machine.
            .arg("--disable-hot-restart")
            // Ten seconds unless told; a test that reads the access log would wait.
            .args(["--file-flush-interval-msec", "200"])
            .args(&options.extra_args)
            .envs(options.env)
            .stdin(Stdio::null())
            .stdout(output("access.log")?)
            .stderr(output("envoy.log")?)
            // Ctrl-C in a terminal goes to the caller alone, which then stops Envoy.
            .process_group(0);
        let kept = spawn(command, options.cpus)
            .map_err(|source| StartError::Spawn { path: binary.path.clone(), source })?;
        Ok(Self { kept, admin, config, dir, grace: options.grace, _temporary: temporary })
    }

    /// Waits until Envoy serves.
    ///
    /// # Errors
    /// Envoy ended, or was not ready within `timeout`; both with the log's end.
    pub fn wait_ready(&mut self, timeout: Duration) -> Result<(), ReadyError> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.kept.child.try_wait().map_err(ReadyError::Wait)? {
                return Err(ReadyError::Exited { status, log: self.log_tail() });
            }
            if self.admin.is_ready(&self.config) {
                return Ok(());
            }
            if begin.elapsed() >= timeout {
                return Err(ReadyError::Timeout { waited: timeout, log: self.log_tail() });
            }
            thread::sleep(POLL);
        }
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.kept.child.id()
    }

    /// Where the admin interface listens.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.admin.address()
    }

    /// The folder with `envoy.json`, `envoy.log` and `access.log`.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The body of `GET path` on the admin interface (`/stats`, `/clusters`, …).
    ///
    /// # Errors
    /// No answer, or a status other than 200.
    pub fn admin_get(&self, path: &str) -> Result<String, AdminError> {
        self.admin.get(path)
    }

    /// The body of `POST path` on the admin interface (`/logging?level=debug`, …).
    ///
    /// # Errors
    /// No answer, or a status other than 200.
    pub fn admin_post(&self, path: &str) -> Result<String, AdminError> {
        self.admin.post(path)
    }

    /// Envoy's log so far; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn log(&self) -> String {
        self.read("envoy.log")
    }

    /// Everything Envoy wrote to its standard output: the access log, if the
    /// configuration sends it there. Envoy writes it with a delay of 200 ms.
    #[must_use]
    pub fn access_log(&self) -> String {
        self.read("access.log")
    }

    /// Whether the process has ended, and how.
    ///
    /// # Errors
    /// The operating system could not say.
    pub fn exited(&mut self) -> io::Result<Option<ExitStatus>> {
        self.kept.child.try_wait()
    }

    /// Asks Envoy to end (SIGTERM), kills it after the grace period, and returns how
    /// it ended. Ending an Envoy that has ended already is no error.
    ///
    /// # Errors
    /// The process could not be signalled or waited for.
    pub fn stop(&mut self) -> Result<ExitStatus, StopError> {
        if let Some(status) = self.exited()? {
            return Ok(status);
        }
        // Not waited for yet, so the id is still this child's.
        let pid = i32::try_from(self.pid()).map_err(io::Error::other)?;
        kill(Pid::from_raw(pid), Signal::SIGTERM).map_err(io::Error::from)?;
        let begin = Instant::now();
        while begin.elapsed() < self.grace {
            if let Some(status) = self.exited()? {
                return Ok(status);
            }
            thread::sleep(POLL);
        }
        self.kept.child.kill()?;
        Ok(self.kept.child.wait()?)
    }

    /// The last lines of the log, for an error.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let skip = lines.len().saturating_sub(TAIL_LINES);
        lines.get(skip..).unwrap_or_default().join("\n")
    }

    fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.dir.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// With a name that says whose it is: a killed process leaves it behind.
fn temporary_folder() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix("igw-envoy-").tempdir()
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // Nothing can be done about a failure here; PDEATHSIG remains.
        let _ = self.kept.child.kill();
        let _ = self.kept.child.wait();
    }
}
