//! What a scanned body turned out to be.

use std::ops::Range;

/// The value of the first top-level `model`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelValue {
    /// A string.
    Name {
        /// The string, decoded.
        name: String,
        /// Where it stands in the body, quotes included.
        span: Range<u64>,
    },
    /// Something else, which names no model.
    Other(ValueKind),
}

/// Kinds of JSON values that are not strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say all")]
pub enum ValueKind {
    Null,
    Bool,
    Number,
    Array,
    Object,
}

/// What kind of value the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// An object, which may have a `model`.
    Object,
    /// Any other value.
    Other,
}

/// What a complete body turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The kind of the body's value.
    pub root: Root,
    /// The first top-level `model`.
    pub model: Option<ModelValue>,
    /// Where the value of a second top-level `model` starts.
    pub duplicate_at: Option<u64>,
}
