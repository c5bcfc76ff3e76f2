//! Asks an Envoy program what it is: its version, and whether it can run Wasm.
//!
//! Invariant: a program that passed the probe can load the filters; some builds of
//! recent versions (1.38.3's wheel, for one) have the Wasm filter without a runtime.
//! Rejected: searching the program's bytes for the runtime's name; builds without
//! the runtime contain the name too.

use crate::version::EnvoyVersion;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// Why a program cannot serve as the gateway's Envoy.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The program did not start.
    #[error("{path} cannot be run")]
    Run {
        /// The program.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// `--version` printed something else than Envoy does.
    #[error("{path} --version does not answer as Envoy does: {output:?}")]
    NotEnvoy {
        /// The program.
        path: PathBuf,
        /// What it printed, shortened.
        output: String,
    },
    /// The version is below [`EnvoyVersion::OLDEST_USABLE`].
    #[error("{path} is Envoy {version}; {} or newer is needed", EnvoyVersion::OLDEST_USABLE)]
    TooOld {
        /// The program.
        path: PathBuf,
        /// Its version.
        version: EnvoyVersion,
    },
    /// The build has no V8.
    #[error("{path} (Envoy {version}) was built without the Wasm runtime V8")]
    NoWasm {
        /// The program.
        path: PathBuf,
        /// Its version.
        version: EnvoyVersion,
    },
}

/// Checks that `path` is an Envoy that is new enough and runs Wasm.
pub(crate) fn probe(path: &Path) -> Result<EnvoyVersion, ProbeError> {
    let output = run(path, &["--version"])?;
    let version = parse(&output).ok_or_else(|| ProbeError::NotEnvoy {
        path: path.to_owned(),
        output: output.trim().chars().take(200).collect(),
    })?;
    if version < EnvoyVersion::OLDEST_USABLE {
        return Err(ProbeError::TooOld { path: path.to_owned(), version });
    }
    let yaml = include_str!("wasm_probe.yaml");
    let verdict = run(path, &["--mode", "validate", "-l", "warn", "--config-yaml", yaml])?;
    if verdict.contains("OK") {
        Ok(version)
    } else {
        Err(ProbeError::NoWasm { path: path.to_owned(), version })
    }
}

fn run(path: &Path, arguments: &[&str]) -> Result<String, ProbeError> {
    let mut command = Command::new(path);
    command.args(arguments).stdin(Stdio::null());
    // A program written a moment ago can still be open for writing in a child that
    // another thread is forking just now; it is released when that child execs.
    let mut output = command.output();
    for _ in 0..50 {
        if !output.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::ExecutableFileBusy) {
            break;
        }
        thread::sleep(Duration::from_millis(20));
        output = command.output();
    }
    let output = output.map_err(|source| ProbeError::Run { path: path.to_owned(), source })?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `envoy  version: 9e55…/1.40.0/Clean/RELEASE/BoringSSL`
fn parse(output: &str) -> Option<EnvoyVersion> {
    let (_, build) = output.split_once(" version: ")?;
    build.split('/').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn script(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("envoy");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        (folder, path)
    }

    #[test]
    fn reads_the_version_line_of_a_release() {
        let line = "\nenvoy/_bin/envoy  version: 9e5580/1.40.0/Clean/RELEASE/BoringSSL\n\n";
        assert_eq!(parse(line), Some(EnvoyVersion::new(1, 40, 0)));
    }

    #[test]
    fn an_old_envoy_is_told_from_a_new_one() {
        let (_folder, path) = script("echo 'envoy  version: ab/1.34.9/Clean/RELEASE/BoringSSL'");
        assert!(matches!(probe(&path), Err(ProbeError::TooOld { .. })));
    }

    #[test]
    fn a_build_without_wasm_is_refused() {
        let (_folder, path) = script(
            "case $1 in --version) echo 'envoy  version: ab/1.38.3/Clean/RELEASE/x';; *) exit 1;; esac",
        );
        assert!(matches!(probe(&path), Err(ProbeError::NoWasm { .. })));
    }

    #[test]
    fn another_program_is_not_taken_for_envoy() {
        assert!(matches!(probe(Path::new("/bin/echo")), Err(ProbeError::NotEnvoy { .. })));
        assert!(matches!(probe(Path::new("/no/such/file")), Err(ProbeError::Run { .. })));
    }
}
