//! Programs that developer commands need and that are built once per machine.
//!
//! Invariant: a tool has exactly the version the lock file asks for, and lies in the
//! user's cache, so `cargo clean` and other projects' versions do not matter.
//! Rejected: a `wasm-bindgen-test-runner` from the PATH; it refuses modules of any
//! version but its own.

use crate::project;
use anyhow::{Context, Result, bail, ensure};
use envoy_runner::cache_dir;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const RUNNER: &str = "wasm-bindgen-test-runner";

/// The runner of tests in Node that fits the lock file's `wasm-bindgen`; built if need be.
pub(crate) fn wasm_bindgen_test_runner() -> Result<PathBuf> {
    let version = locked("wasm-bindgen")?;
    let root = cache_dir()?.join("tools").join(format!("wasm-bindgen-{version}"));
    let runner = root.join("bin").join(RUNNER);
    if runner.is_file() {
        return Ok(runner);
    }
    println!("building {RUNNER} {version} into the cache; once, about two minutes");
    if !install(&version, &root, true)? {
        // The tool's own lock file may name versions that this machine's registry, a
        // mirror say, does not have.
        println!("not with the versions it was released with; trying what the registry has");
        let installed = install(&version, &root, false)?;
        ensure!(installed, "cargo install wasm-bindgen-cli --version {version} failed");
    }
    ensure!(runner.is_file(), "cargo install did not leave {}", runner.display());
    Ok(runner)
}

fn install(version: &str, root: &Path, locked: bool) -> Result<bool> {
    let status = cargo()
        .args(["install", "wasm-bindgen-cli", "--version", &format!("={version}")])
        .args(["--bin", RUNNER])
        .args(locked.then_some("--locked"))
        .arg("--root")
        .arg(root)
        // Where an interrupted build goes on.
        .arg("--target-dir")
        .arg(project::target_dir().join("tools"))
        .stdin(Stdio::null())
        .status()
        .context("cannot run cargo")?;
    Ok(status.success())
}

/// The version of a package in the workspace's lock file.
fn locked(package: &str) -> Result<String> {
    let output = cargo().args(["pkgid", package]).output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("cargo pkgid {package}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let id = String::from_utf8_lossy(&output.stdout);
    version_of(id.trim()).with_context(|| format!("cargo pkgid {package} says {id}"))
}

/// The version in `registry+…/index#name@1.2.3` or `…/name#1.2.3`.
fn version_of(id: &str) -> Option<String> {
    let fragment = id.rsplit_once('#')?.1;
    let version = fragment.rsplit_once('@').map_or(fragment, |(_, version)| version);
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
}

/// The cargo that runs this program, in the workspace's root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(project::root());
    command
}

/// Where a program lies, if it is on the PATH.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_where_the_path_says() {
        assert!(on_path("sh").is_some());
        assert!(on_path("no-such-program-of-the-gateway").is_none());
    }

    #[test]
    fn the_version_is_read_from_either_form_of_a_package_id() {
        assert_eq!(version_of("registry+index#wasm-bindgen@0.2.1").as_deref(), Some("0.2.1"));
        assert_eq!(version_of("path+file:///here/shared#0.1.0").as_deref(), Some("0.1.0"));
        assert_eq!(version_of("wasm-bindgen"), None);
        assert_eq!(version_of("path+file:///here/shared#shared"), None);
    }

    #[test]
    fn the_lock_file_has_one_wasm_bindgen() {
        let version = locked("wasm-bindgen").unwrap();
        assert_eq!(version.split('.').count(), 3, "{version}");
        assert!(locked("no-such-package").is_err());
    }
}
