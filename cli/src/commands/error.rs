//! Why a command failed.

use crate::admin::AdminError;
use crate::diagnostics::{Fault, print_faults};
use crate::render::RenderError;
use anstream::eprintln;
use anstyle::AnsiColor;
use std::error::Error;
use std::io;
use std::path::PathBuf;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The manifests are wrong.
    #[error("the manifests have {} fault(s)", .0.len())]
    Manifests(Vec<Fault>),
    /// The target cannot express them.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A file could not be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A Wasm module is not there.
    #[error(
        "there is no {module} in {folder}: build the modules with `cargo xtask build` in the project's folder, or say with --modules where they are"
    )]
    NoModule {
        /// The module's file name.
        module: &'static str,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// A port is in use.
    #[error("port {port} is in use or not allowed: choose another with {flag}")]
    Port {
        /// The port.
        port: u16,
        /// How.
        flag: &'static str,
        /// The operating system's reason.
        source: io::Error,
    },
    /// `--port` names a port that no Gateway has.
    #[error("--port: no Gateway listens on port {port} for HTTP; the ports are {known:?}")]
    NoListener {
        /// The port named.
        port: u16,
        /// The ports there are.
        known: Vec<u16>,
    },
    /// A check found errors, which were told.
    #[error("{errors} error(s) were found")]
    Findings {
        /// How many.
        errors: usize,
    },
    /// A request that was asked about reaches no endpoint, which was told.
    #[error("no endpoint gets the request")]
    Unreached,
    /// A running Envoy cannot be asked.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// Something else outside failed.
    #[error("{doing}")]
    Outside {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Envoy ended by itself.
    #[error("Envoy ended by itself ({status}); its log ends:\n{log}")]
    EnvoyEnded {
        /// How.
        status: std::process::ExitStatus,
        /// Its last lines.
        log: String,
    },
}

impl CommandError {
    /// An error of something that was tried outside.
    pub(super) fn outside<E: Into<Box<dyn Error + Send + Sync>>>(
        doing: &'static str,
    ) -> impl FnOnce(E) -> Self {
        move |source| Self::Outside { doing, source: source.into() }
    }

    /// The program's exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoListener { .. } => 2,
            Self::Manifests(_) | Self::Render(_) | Self::Findings { .. } | Self::Unreached => 3,
            _ => 1,
        }
    }

    /// Tells the user.
    pub fn print(&self) {
        let style = AnsiColor::Red.on_default().bold();
        if let Self::Manifests(faults) = self {
            return print_faults(faults);
        }
        if matches!(self, Self::Findings { .. } | Self::Unreached) {
            return;
        }
        eprintln!("{style}error{style:#}: {self}");
        let mut source = self.source();
        while let Some(error) = source {
            eprintln!("  because: {error}");
            source = error.source();
        }
    }
}
