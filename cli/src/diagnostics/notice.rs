//! What was understood, and what was ignored or assumed.

use super::{Assumption, Doubt, Origin};

/// A notice and its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    /// Where.
    pub origin: Origin,
    /// What.
    pub kind: NoticeKind,
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something was understood.
    Understood,
    /// Something was assumed because nothing says it.
    Assumed,
    /// Something was ignored, or is doubtful.
    Warning,
}

/// What a notice says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum NoticeKind {
    /// A document was understood.
    #[error("{kind} {name}: {meaning}")]
    Understood {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What it says.
        meaning: String,
    },
    /// A document is of a kind that plays no part here.
    #[error("{kind} {name} is ignored{why}")]
    IgnoredDocument {
        /// Its kind.
        kind: String,
        /// Its name, or nothing.
        name: String,
        /// Why, or nothing.
        why: &'static str,
    },
    /// A field plays no part here, or is unknown.
    #[error("{kind} {name}: {path} is ignored")]
    IgnoredField {
        /// The document's kind.
        kind: &'static str,
        /// The document's name.
        name: String,
        /// The field's path.
        path: String,
    },
    /// A spelling that the API does not have was understood.
    #[error("{kind} {name}: {found}; {taken}")]
    Spelling {
        /// The document's kind.
        kind: &'static str,
        /// The document's name.
        name: String,
        /// What stands there.
        found: &'static str,
        /// What it is taken for.
        taken: &'static str,
    },
    /// The same object stands twice.
    #[error("{kind} {name} stands at {other}, too; {taken}")]
    Twice {
        /// The kind.
        kind: &'static str,
        /// The object.
        name: String,
        /// The other place.
        other: Origin,
        /// What is made of it.
        taken: &'static str,
    },
    /// Something that no document says was assumed.
    #[error("{subject} {assumption}")]
    Assumed {
        /// What it is about.
        subject: String,
        /// What was assumed, and why.
        assumption: Assumption,
    },
    /// Something is understood, and will hardly do what the user wants.
    #[error("{subject} {doubt}")]
    Doubtful {
        /// What it is about.
        subject: String,
        /// What is wrong with it.
        doubt: Doubt,
    },
}

impl NoticeKind {
    /// How much it matters.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::Understood { .. } => Level::Understood,
            Self::Assumed { .. } => Level::Assumed,
            _ => Level::Warning,
        }
    }
}
