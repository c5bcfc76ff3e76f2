//! The compiler that is in use anyway, with the target added by rustup if need be.

use super::{Target, Toolchain, ToolchainError, first_line};
use crate::project;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) fn find(target: Target) -> Result<Toolchain, ToolchainError> {
    if !has_target(target) {
        add_target(target)?;
    }
    let rustc = first_line(rustc().arg("--version")).unwrap_or_default();
    Ok(Toolchain {
        name: format!("{rustc}, {}", target.triple()),
        cargo: env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from),
        target,
        target_dir: project::target_dir(),
        arguments: Vec::new(),
        environment: Vec::new(),
        has_clippy: true,
    })
}

/// The compiler cargo would use here.
fn rustc() -> Command {
    let mut command = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.current_dir(project::root());
    command
}

fn has_target(target: Target) -> bool {
    let folder = rustc().args(["--print", "target-libdir", "--target", target.triple()]).output();
    // rustc names the folder whether or not it is there.
    folder.is_ok_and(|output| {
        output.status.success()
            && has_std(Path::new(String::from_utf8_lossy(&output.stdout).trim()))
    })
}

fn has_std(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|entries| {
        entries
            .filter_map(Result::ok)
            .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
    })
}

fn add_target(target: Target) -> Result<(), ToolchainError> {
    let triple = target.triple();
    let failed = |reason: String| ToolchainError::Rustup { target: triple, reason };
    println!("adding {triple} with rustup");
    let status = Command::new("rustup")
        .args(["target", "add", triple])
        .current_dir(project::root())
        .status()
        .map_err(|error| failed(format!("rustup cannot be run: {error}")))?;
    if !status.success() {
        return Err(failed(format!("rustup ended with {status}")));
    }
    // RUSTC may name a compiler that rustup knows nothing of.
    if has_target(target) { Ok(()) } else { Err(failed("rustup added it elsewhere".to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_the_standard_library_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_std(&folder.path().join("missing")));
        assert!(!has_std(folder.path()));
        fs::write(folder.path().join("libstd-0123456789abcdef.rlib"), "").unwrap();
        assert!(has_std(folder.path()));
    }
}
