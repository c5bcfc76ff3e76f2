//! The same sources built once more, in other folders, and compared.
//!
//! Invariant: nothing is shared with the first build but the compiler and the crates'
//! sources: another folder of sources, another target folder, nothing built before.

use crate::toolchain::{Target, Toolchain};
use crate::{build, project};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Builds the filters elsewhere; an error if any differs from the one in `dist/`.
pub(super) fn compare(toolchain: &Toolchain) -> Result<()> {
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let root = scratch.path().join("somewhere/else");
    let (target_dir, dist) = (scratch.path().join("built"), scratch.path().join("dist"));
    println!("building once more in {}", root.display());
    copy_sources(&root)?;
    let cargo = || elsewhere(&toolchain.cargo("build"), &root, &target_dir);
    build::compile(cargo, &root, &target_dir)?;
    build::ship(&target_dir.join(Target::Wasip1.triple()).join(build::PROFILE), &dist)?;
    for (_, file) in build::modules() {
        let (first, second) = (project::dist().join(file), dist.join(file));
        let read = |path: &Path| fs::read(path).with_context(|| format!("no {}", path.display()));
        let same = read(&first)? == read(&second)?;
        ensure!(same, "{file} came out different in another folder; the build is not reproducible");
    }
    println!("both builds gave the same modules");
    Ok(())
}

/// All files git knows or would add.
fn copy_sources(to: &Path) -> Result<()> {
    let from = project::root();
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(&from)
        .output()
        .context("cannot run git, which lists the sources")?;
    ensure!(output.status.success(), "git ls-files ended with {}", output.status);
    let names = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
    for name in names.split_terminator('\0') {
        let (source, copy) = (from.join(name), to.join(name));
        // Listed and deleted since: a change that is not committed.
        if !source.is_file() {
            continue;
        }
        let parent = copy.parent().unwrap_or(to);
        fs::create_dir_all(parent)
            .and_then(|()| fs::copy(&source, &copy))
            .with_context(|| format!("cannot copy {name}"))?;
    }
    Ok(())
}

/// The same command for other folders.
fn elsewhere(command: &Command, root: &Path, target_dir: &Path) -> Command {
    let mut other = Command::new(command.get_program());
    other.current_dir(root);
    let mut is_target_dir = false;
    for argument in command.get_args() {
        other.arg(if is_target_dir { target_dir.as_os_str() } else { argument });
        is_target_dir = argument == "--target-dir";
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => other.env(name, value),
            None => other.env_remove(name),
        };
    }
    other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copied_command_differs_in_its_folders_alone() {
        let mut command = Command::new("cargo");
        command.args(["build", "--target-dir", "/here", "-v"]).current_dir("/a");
        command.env("A", "1").env_remove("B");
        let other = elsewhere(&command, Path::new("/b"), Path::new("/there"));
        let arguments: Vec<_> = other.get_args().collect();
        assert_eq!(arguments, ["build", "--target-dir", "/there", "-v"]);
        assert_eq!(other.get_current_dir(), Some(Path::new("/b")));
        assert!(other.get_envs().eq(command.get_envs()));
    }
}
