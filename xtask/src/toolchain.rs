//! Which compiler builds for Wasm, found or installed without questions.
//!
//! In this order: the current compiler, if it has the target; the same after
//! `rustup target add`; Debian's compiler with the standard library built from source.
//!
//! Invariant: a toolchain that is returned can build for its target, and builds with
//! the flags of `.cargo/config.toml`; the environment's RUSTFLAGS, which would replace
//! them, do not reach it. Rejected: listing the target in `rust-toolchain.toml`; where
//! rustup cannot download, that makes every cargo command fail.

mod debian;
mod rustup;

use crate::project;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The filters in Envoy.
    Wasip1,
    /// Unit tests in Node (wasm-bindgen).
    Unknown,
}

impl Target {
    /// The compiler's name for it.
    pub(crate) fn triple(self) -> &'static str {
        match self {
            Self::Wasip1 => "wasm32-wasip1",
            Self::Unknown => "wasm32-unknown-unknown",
        }
    }
}

/// How the user wants the toolchain chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Choice {
    /// Whatever works, rustup first
    Auto,
    /// The current compiler; rustup may add the target
    Rustup,
    /// Debian's compiler
    Debian,
}

/// Why there is no toolchain.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolchainError {
    /// The current compiler lacks the target and rustup could not add it.
    #[error(
        "the current compiler cannot build for {target} ({reason}); run: rustup target add {target}"
    )]
    Rustup {
        /// The target's triple.
        target: &'static str,
        /// What was tried, and how it ended.
        reason: String,
    },
    /// Parts of Debian's toolchain are missing and could not be installed.
    #[error("{}", debian::advice(missing, reason))]
    Debian {
        /// What is missing.
        missing: Vec<&'static str>,
        /// Why it was not installed.
        reason: String,
    },
    /// Neither way works.
    #[error("no compiler for {target}; either of these helps:\n  - {rustup}\n  - {debian}")]
    Neither {
        /// The target's triple.
        target: &'static str,
        /// What rustup lacks.
        rustup: Box<ToolchainError>,
        /// What Debian lacks.
        debian: Box<ToolchainError>,
    },
}

/// A compiler that can build for a target.
#[derive(Debug)]
pub(crate) struct Toolchain {
    name: String,
    cargo: PathBuf,
    target: Target,
    target_dir: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
    has_clippy: bool,
}

impl Toolchain {
    /// Finds, or installs, a toolchain for `target`.
    pub(crate) fn choose(target: Target, choice: Choice) -> Result<Self, ToolchainError> {
        match choice {
            Choice::Rustup => rustup::find(target),
            Choice::Debian => debian::find(target),
            Choice::Auto => rustup::find(target).or_else(|rustup| {
                println!("{rustup}\ntrying Debian's compiler instead");
                debian::find(target).map_err(|debian| ToolchainError::Neither {
                    target: target.triple(),
                    rustup: Box::new(rustup),
                    debian: Box::new(debian),
                })
            }),
        }
    }

    /// For people.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where it leaves what it builds.
    pub(crate) fn target_dir(&self) -> &Path {
        &self.target_dir
    }

    /// `cargo clippy` for the target; none if this compiler comes without.
    pub(crate) fn clippy(&self) -> Option<Command> {
        self.has_clippy.then(|| self.cargo("clippy"))
    }

    /// `cargo <subcommand>` for the target, in the workspace's root.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.cargo);
        command
            .current_dir(project::root())
            .arg(subcommand)
            .args(["--target", self.target.triple(), "--target-dir"])
            .arg(&self.target_dir)
            .args(&self.arguments)
            // Either would replace the flags of `.cargo/config.toml`.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The first line a program prints, or none when it fails.
fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_owned)
}

/// A path as the TOML string `--config` wants.
pub(crate) fn toml(text: &str) -> String {
    // JSON strings are TOML basic strings.
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
