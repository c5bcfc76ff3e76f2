//! Why a body is not JSON, and where.

use super::nesting::MAX_DEPTH;

/// A body that is not JSON, with the place where that shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {at}")]
pub struct ScanError {
    /// What is wrong.
    pub kind: ScanErrorKind,
    /// Offset in the body of the first byte that cannot stand there, from 0.
    pub at: u64,
}

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScanErrorKind {
    /// A byte that the grammar does not allow at this place.
    #[error("expected {0}")]
    Unexpected(Expected),
    /// The body ends before its value does.
    #[error("the body ends where {0} is expected")]
    Truncated(Expected),
    /// There is something behind the value.
    #[error("unexpected data behind the JSON value")]
    TrailingData,
    /// The body starts with a byte order mark.
    #[error("the body starts with a byte order mark; send UTF-8 without one")]
    ByteOrderMark,
    /// The body is UTF-16 or UTF-32.
    #[error("the body is not UTF-8 (it looks like UTF-16 or UTF-32)")]
    WideEncoding,
    /// A backslash followed by something else than JSON's escapes.
    #[error("invalid escape in a string")]
    BadEscape,
    /// A surrogate without its other half, in a key or in `model`.
    #[error("lone surrogate in a key or model name")]
    LoneSurrogate,
    /// A raw control character, in a key or in `model`.
    #[error("raw control character in a key or model name")]
    ControlCharacter,
    /// A byte sequence that is not UTF-8, in a key or in `model`.
    #[error("invalid UTF-8 in a key or model name")]
    InvalidUtf8,
    /// More open brackets than the scanner follows.
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// A `model` longer than the scanner keeps.
    #[error("model name longer than {limit} bytes")]
    ModelTooLong {
        /// The limit, in bytes of UTF-8.
        limit: usize,
    },
}

/// What the grammar allows at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Expected {
    /// Any JSON value.
    #[error("a value")]
    Value,
    /// The key of an object's member.
    #[error("a key in double quotes")]
    Key,
    /// The first key of an object, or its end.
    #[error("a key in double quotes or '}}'")]
    KeyOrEnd,
    /// The colon behind a key.
    #[error("':'")]
    Colon,
    /// Behind a member of an object.
    #[error("',' or '}}'")]
    CommaOrBrace,
    /// Behind an element of an array.
    #[error("',' or ']'")]
    CommaOrBracket,
    /// The rest of `true`, `false` or `null`.
    #[error("the rest of a literal")]
    Literal,
    /// A digit of a number.
    #[error("a digit")]
    Digit,
    /// The rest of a string.
    #[error("the end of a string")]
    StringEnd,
}
