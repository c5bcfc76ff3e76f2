//! What clients send.
//!
//! A session is a chain of blocks that grows from turn to turn; each turn's prompt is the
//! beginning of it. The next turn comes a while after the last answer ended, so that a slow
//! policy is asked less, as in life.
//!
//! Invariant: sessions are made before the run, from the seed alone: every policy gets the
//! same.

mod arrivals;
mod catalog;
mod sessions;
mod small;
mod trace;

use std::sync::Arc;

pub use catalog::{ALL, Workload};
pub use small::{SMALL_ADAPTERS, Small};
pub use trace::{TraceError, read_azure, read_mooncake};

use crate::{BLOCK_TOKENS, Micros};

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its number.
    pub id: u64,
    /// Its session.
    pub session: usize,
    /// Which of the session's turns.
    pub turn: usize,
    /// Chained hashes of the full blocks of prompt and answer.
    pub chain: Arc<[u64]>,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Tokens of the answer.
    pub output_tokens: u32,
    /// The adapter.
    pub adapter: Option<u16>,
}

impl Request {
    /// The prompt's part of the chain.
    #[must_use]
    pub fn prompt_chain(&self) -> &[u64] {
        let blocks = (self.prompt_tokens / BLOCK_TOKENS) as usize;
        self.chain.get(..blocks).unwrap_or(&self.chain)
    }
}

/// One turn.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// How long after the last answer (or the session's start) it is sent.
    pub pause: Micros,
    /// Tokens of the whole prompt.
    pub prompt_tokens: u32,
    /// Tokens of the answer, at least 1.
    pub output_tokens: u32,
}

/// A session.
#[derive(Debug, Clone)]
pub struct Session {
    /// When it starts.
    pub start: Micros,
    /// All of its blocks.
    pub chain: Arc<[u64]>,
    /// Its turns, at least one.
    pub turns: Vec<Turn>,
    /// Its adapter.
    pub adapter: Option<u16>,
}
