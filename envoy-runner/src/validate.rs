//! Has Envoy check a configuration without serving it (`envoy --mode validate`).
//!
//! Invariant: the filters' `on_configure` has run, so a plugin configuration that
//! Envoy accepts here is accepted at start.

use crate::bootstrap::{Bootstrap, BootstrapError};
use crate::obtain::EnvoyBinary;
use std::io;
use std::process::{Command, Stdio};

/// Why a configuration is not valid, or could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    /// The configuration could not be written.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// Envoy could not be run.
    #[error("cannot run Envoy to validate the configuration")]
    Run(#[from] io::Error),
    /// Envoy refuses the configuration.
    #[error("Envoy refuses the configuration:\n{log}")]
    Refused {
        /// Envoy's warnings and errors; a filter's own log lines are among them.
        log: String,
    },
}

/// Asks Envoy whether it would start on `bootstrap`. No port is bound.
///
/// # Errors
/// [`ValidateError::Refused`] with the log when Envoy would not.
pub fn validate(binary: &EnvoyBinary, bootstrap: &Bootstrap) -> Result<(), ValidateError> {
    let folder = tempfile::tempdir()?;
    let config = bootstrap.write(folder.path())?;
    let output = Command::new(&binary.path)
        .args(["--mode", "validate", "--log-level", "warn", "--config-path"])
        .arg(config)
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(ValidateError::Refused { log: String::from_utf8_lossy(&output.stderr).into_owned() })
}
