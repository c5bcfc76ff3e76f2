//! What a check finds.

use super::{PluginFault, ProxyFault, ResourceFault, RunningFault, SetFault, VersionFault};
use crate::diagnostics::{Fault, FaultKind, Origin};
use std::fmt;

/// A finding and its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where.
    pub origin: Origin,
    /// What.
    pub kind: FindingKind,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Requests may fail or go astray.
    Warning,
    /// Requests fail or go astray.
    Error,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum FindingKind {
    /// The manifests are wrong.
    #[error(transparent)]
    Manifest(#[from] FaultKind),
    /// A plugin is wrong.
    #[error(transparent)]
    Plugin(#[from] PluginFault),
    /// A proxy's configuration is wrong.
    #[error(transparent)]
    Proxy(#[from] ProxyFault),
    /// A Kubernetes object that carries a plugin is wrong.
    #[error(transparent)]
    Resource(#[from] ResourceFault),
    /// A version is too old.
    #[error(transparent)]
    Version(#[from] VersionFault),
    /// The files do not fit together.
    #[error(transparent)]
    Set(#[from] SetFault),
    /// A running gateway has a trouble.
    #[error(transparent)]
    Running(#[from] RunningFault),
}

impl Finding {
    /// A finding at a place.
    pub fn new(origin: Origin, kind: impl Into<FindingKind>) -> Self {
        Self { origin, kind: kind.into() }
    }
}

impl From<Fault> for Finding {
    fn from(fault: Fault) -> Self {
        Self::new(fault.origin, fault.kind)
    }
}

impl fmt::Display for Finding {
    /// One line: place, what is wrong, what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.kind)?;
        self.kind.help().map_or(Ok(()), |help| write!(f, ": {help}"))
    }
}

impl FindingKind {
    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::Manifest(_) | Self::Version(_) => Severity::Error,
            Self::Plugin(fault) => fault.severity(),
            Self::Proxy(fault) => fault.severity(),
            Self::Resource(fault) => fault.severity(),
            Self::Set(_) => Severity::Warning,
            Self::Running(fault) => fault.severity(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Manifest(fault) => fault.help(),
            Self::Plugin(fault) => Some(fault.help()),
            Self::Proxy(fault) => Some(fault.help()),
            Self::Resource(fault) => Some(fault.help()),
            Self::Version(fault) => Some(fault.help()),
            Self::Set(fault) => Some(fault.help()),
            Self::Running(fault) => Some(fault.help()),
        }
    }
}
