//! One choice, kept to be looked at.
//!
//! Invariant: of the request's text only the names of its model and its objective are
//! kept, and those cut: both are the client's.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::pools::{EndpointId, Millis};

/// How many choices a worker keeps, and the page shows.
pub const MOST_DECISIONS: usize = 50;

/// Bytes of a client's name that are kept.
pub const LONGEST_NAME: usize = 128;

/// A choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// When.
    pub at: Millis,
    /// The pool's place in the configuration.
    pub pool: usize,
    /// The model asked for.
    pub model: Option<String>,
    /// Whether that is an adapter.
    pub adapter: bool,
    /// The objective asked for.
    pub objective: Option<String>,
    /// What became of the request: the label of its counter.
    pub outcome: Cow<'static, str>,
    /// The pool's saturation; none if that was not looked at.
    pub saturation: Option<f32>,
    /// The endpoints named, best first; none for a request that was refused.
    pub candidates: Vec<Candidate>,
}

/// An endpoint among the best.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Which.
    pub endpoint: EndpointId,
    /// Its score.
    pub score: f32,
    /// What each of the pool's scorers gave it, 0 to 1, not weighted; empty where scores
    /// did not decide.
    pub parts: Vec<f32>,
    /// What it lost by failures, 0 to 1.
    pub trouble: f32,
}

/// A client's name, cut to [`LONGEST_NAME`]; none if it is no text.
pub(super) fn cut(name: &str) -> String {
    let mut end = name.len().min(LONGEST_NAME);
    while !name.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    name.get(..end).unwrap_or_default().to_owned()
}
