//! Who else may look at a body while the scanner goes through it.
//!
//! A scanner knows where values begin and end; whoever wants to know that too is told
//! in passing, rather than finding it out again in a second pass. Positions are offsets
//! in the chunk that is being fed; bytes are never copied.
//!
//! Invariant: a scanner that is [`Unobserved`] compiles to what it would be without
//! this module; all hooks are empty there. Rejected: events in a queue, which cost
//! memory, and an `Option` asked at each step, which costs those who do not look.

use std::fmt::Debug;

use super::document::ValueKind;

/// What begins at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say all")]
pub enum Shape {
    String,
    Number,
    /// `true`, `false` or `null`.
    Literal,
    Array,
    Object,
}

impl Shape {
    #[inline]
    pub(super) fn of(kind: ValueKind) -> Self {
        match kind {
            ValueKind::Number => Self::Number,
            ValueKind::Bool | ValueKind::Null => Self::Literal,
            ValueKind::Array => Self::Array,
            ValueKind::Object => Self::Object,
        }
    }
}

/// Is told of values as a scanner passes them.
///
/// Depths are numbers of open brackets: those around a value or a key. What it is told
/// of a body that turns out not to be JSON is worth nothing.
pub trait Observer: Debug {
    /// A part of a top-level key, decoded.
    fn top_key(&mut self, _part: &[u8]) {}

    /// The top-level key is complete; its value follows.
    fn top_key_ends(&mut self) {}

    /// A part of any other key, as it stands in the body.
    fn key(&mut self, _part: &[u8], _depth: usize) {}

    /// A value begins. Of the numbers in an array only the first of a row is told, if no
    /// white space stands between them.
    fn value(&mut self, _chunk: &[u8], _at: usize, _shape: Shape, _depth: usize) {}

    /// The value that began last at this depth ended before `end`.
    fn ended(&mut self, _chunk: &[u8], _end: usize, _depth: usize) {}

    /// A byte of white space between tokens.
    fn gap(&mut self, _chunk: &[u8], _at: usize) {}

    /// The chunk was read to its end.
    fn chunk_ends(&mut self, _chunk: &[u8]) {}
}

/// Nobody looks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
