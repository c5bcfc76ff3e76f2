//! What can go wrong between start and end.

use crate::bootstrap::BootstrapError;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// Envoy could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration lacks an admin address or could not be written.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// The folder for configuration and logs could not be made.
    #[error("cannot make the folder for Envoy's configuration and logs")]
    Folder(#[source] io::Error),
    /// The process could not be made.
    #[error("cannot start {path}")]
    Spawn {
        /// The program.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
}

/// Envoy did not become ready.
#[derive(Debug, thiserror::Error)]
pub enum ReadyError {
    /// Envoy ended by itself.
    #[error("Envoy ended before it was ready ({status}); its log ends:\n{log}")]
    Exited {
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its log.
        log: String,
    },
    /// Envoy runs but is not ready.
    #[error("Envoy was not ready after {waited:?}; its log ends:\n{log}")]
    Timeout {
        /// How long was waited.
        waited: Duration,
        /// The last lines of its log.
        log: String,
    },
    /// The operating system could not say whether Envoy runs.
    #[error("cannot see whether Envoy runs")]
    Wait(#[source] io::Error),
}

/// Envoy could not be stopped.
#[derive(Debug, thiserror::Error)]
#[error("cannot stop Envoy")]
pub struct StopError(#[from] io::Error);
