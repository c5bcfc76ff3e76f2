//! What is wrong with the manifests.

use super::Origin;

/// A fault and its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{origin}: {kind}")]
pub struct Fault {
    /// Where.
    pub origin: Origin,
    /// What.
    pub kind: FaultKind,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum FaultKind {
    /// A file cannot be read.
    #[error("cannot be read: {reason}")]
    Unreadable {
        /// The operating system's reason.
        reason: String,
    },
    /// A file or folder has no document that is known.
    #[error("has nothing this tool knows")]
    Empty,
    /// Values of a chart without the release's name.
    #[error("values of a chart, but nothing names the release")]
    NoRelease,
    /// Not YAML.
    #[error("not YAML: {reason}")]
    Yaml {
        /// The parser's reason.
        reason: String,
    },
    /// A field has a wrong type or is missing.
    #[error("{kind}: {path}: {reason}")]
    Field {
        /// The document's kind.
        kind: String,
        /// The path of the field.
        path: String,
        /// What is wrong with it.
        reason: Shape,
    },
    /// One object stands twice, with different content.
    #[error("{kind} {name} is defined twice, and differently; the other is at {other}")]
    Conflict {
        /// The kind.
        kind: &'static str,
        /// The object.
        name: String,
        /// The other place.
        other: Origin,
    },
    /// An adapter has two bases.
    #[error("{adapter:?} is an adapter of {base:?} here, and of {other_base:?} at {other}")]
    AdapterOnTwoBases {
        /// The adapter.
        adapter: String,
        /// Its base here.
        base: String,
        /// Its other base.
        other_base: String,
        /// Where that stands.
        other: Origin,
    },
    /// A name is a base model's and an adapter's.
    #[error("{name:?} is an adapter of {base:?} here, and a base model at {other}")]
    BaseIsAdapter {
        /// The name.
        name: String,
        /// The base it is an adapter of.
        base: String,
        /// Where it is a base model.
        other: Origin,
    },
    /// A route leads to a pool that does not exist.
    #[error("{referrer} leads to InferencePool {pool}, which none of the files defines")]
    UnknownPool {
        /// Who refers to it, such as `HTTPRoute default/a`.
        referrer: String,
        /// The pool.
        pool: String,
        /// The pools there are.
        known: Vec<String>,
    },
    /// An HTTPRoute is larger than Gateway API allows.
    #[error("HTTPRoute {route} has {count} {what}; Gateway API allows {most}")]
    TooMany {
        /// The route.
        route: String,
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// All weights are 0.
    #[error("{of}: all weights are 0")]
    NoWeight {
        /// Of what.
        of: String,
    },
    /// `--endpoints` names a pool that is not there.
    #[error("--endpoints: there is no pool {pool:?}")]
    EndpointsOfUnknownPool {
        /// The name given.
        pool: String,
        /// The pools there are.
        known: Vec<String>,
    },
    /// A model is rewritten twice.
    #[error("{model:?} is rewritten here and, differently, at {other}")]
    RewrittenTwice {
        /// The model.
        model: String,
        /// Where else.
        other: Origin,
    },
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Shape {
    /// It cannot be read as its type.
    #[error("{0}")]
    Type(String),
    /// It is missing.
    #[error("is missing")]
    Missing,
    /// Its value is none of those that may stand there.
    #[error("{value:?} is not {expected}")]
    Value {
        /// The value.
        value: String,
        /// What may stand there.
        expected: &'static str,
    },
}

impl FaultKind {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Self::Unreadable { .. } => "name files or folders that exist, or - for standard input".to_owned(),
            Self::Empty => "expected documents with apiVersion and kind, or values of the charts inferencepool or body-based-routing".to_owned(),
            Self::NoRelease => "write RELEASE=FILE, or call the file RELEASE.values.yaml".to_owned(),
            Self::Yaml { .. } | Self::Field { .. } => return None,
            Self::Conflict { .. } => "keep one of them".to_owned(),
            Self::AdapterOnTwoBases { .. } => "an adapter runs on one base model: give one of them another name, or remove it from one list".to_owned(),
            Self::BaseIsAdapter { .. } => "names of models are unique: give one of them another name".to_owned(),
            Self::UnknownPool { known, .. } if known.is_empty() => "add the InferencePool's file, or its chart's values".to_owned(),
            Self::UnknownPool { known, .. } => format!("the files define: {}", known.join(", ")),
            Self::EndpointsOfUnknownPool { known, .. } => format!("the pools are: {}", known.join(", ")),
            Self::TooMany { .. } => "spread the matches over several HTTPRoutes".to_owned(),
            Self::NoWeight { .. } => "give one of them a weight above 0".to_owned(),
            Self::RewrittenTwice { .. } => "the gateway rewrites before it knows the pool, so a name can be rewritten in one way only".to_owned(),
        };
        Some(help)
    }
}
