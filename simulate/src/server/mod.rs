//! A model server: vLLM's continuous batching, step by step.
//!
//! Each step gives every decoding request one token and fills what is left of the token
//! budget with chunks of prompts; then as many waiting requests are admitted as batch,
//! budget, KV blocks and adapter slots allow. The step's duration is a linear function of
//! what is in it.
//!
//! Invariant: blocks held by requests never exceed the cache; whoever finds no block for
//! its next token preempts the request admitted last, which starts over.
//!
//! Left out: speculative decoding, several GPUs per server, the quadratic part of long
//! prompts' attention, and swapping to the host's memory.

mod adapters;
mod cache;
mod engine;
#[cfg(test)]
mod tests;

pub(crate) use cache::BlockMap;
pub use engine::{Done, Server, Stepped};

use crate::workload::Request;
use crate::{BLOCK_TOKENS, Micros};

/// What the event loop asks of a model server, whichever models it.
pub trait Model: Sized {
    /// A request came.
    fn submit(&mut self, now: Micros, request: Request);

    /// After how long [`Model::step`] is to be called, at least 1; none if nothing is to
    /// happen, or if an earlier answer still holds.
    fn plan(&mut self, now: Micros) -> Option<Micros>;

    /// What happened until now.
    fn step(&mut self, now: Micros) -> Stepped;

    /// What a scrape says now.
    fn metrics(&self) -> Metrics;

    /// What was counted so far.
    fn counts(&self) -> Counts;

    /// For the oracle: the servers, if it can look into them.
    fn truth(_: &[Self]) -> &[Server] {
        &[]
    }
}

/// What a server counted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Prompt tokens of the requests that started.
    pub prompt_tokens: u64,
    /// Of those, found in the cache.
    pub cached_tokens: u64,
    /// Adapters loaded.
    pub adapter_loads: u64,
    /// Requests that were preempted.
    pub preemptions: u64,
}

/// How large and how fast a server is.
#[derive(Debug, Clone, Copy)]
pub struct Hardware {
    /// KV blocks.
    pub blocks: usize,
    /// Requests that run at once.
    pub max_running: usize,
    /// Tokens of a step: one per decoding request, the rest for prompts.
    pub step_tokens: u32,
    /// Adapters in memory at once.
    pub max_adapters: usize,
    /// Loading one.
    pub adapter_load: Micros,
    /// A step with nothing in it, in microseconds: reading the weights.
    pub step_base: f64,
    /// Per token of a prompt.
    pub per_prompt_token: f64,
    /// Per decoding request.
    pub per_decode: f64,
    /// Per token of context that a decoding request reads.
    pub per_context_token: f64,
}

impl Hardware {
    /// An 8B model in 16 bits on an A100 with 80 GB: 16 GB of weights read at 2 TB/s, 128 KB
    /// of KV per token and the 31,250 blocks that the reference's index assumes, 12,500
    /// prompt tokens per second. vLLM's defaults for the batch (256 requests, 2,048 tokens).
    #[must_use]
    pub fn a100_8b() -> Self {
        Self {
            blocks: 31_250,
            max_running: 256,
            step_tokens: 2_048,
            max_adapters: 4,
            adapter_load: 300_000,
            step_base: 8_000.0,
            per_prompt_token: 80.0,
            per_decode: 30.0,
            per_context_token: 0.065,
        }
    }

    /// The same model on an A10 with 24 GB, for the calibration: 600 GB/s, a quarter of the
    /// computing power, the 3,000 blocks that are left beside the weights. Slow enough for
    /// what HTTP adds to be small beside it. Without the time for reading contexts, which
    /// the demo's servers do not have.
    #[must_use]
    pub fn a10_8b() -> Self {
        Self {
            blocks: 3_000,
            step_base: 27_000.0,
            per_prompt_token: 250.0,
            per_decode: 90.0,
            per_context_token: 0.0,
            ..Self::a100_8b()
        }
    }
}

/// What a scrape of a server says.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Requests waiting.
    pub waiting: u32,
    /// Requests running.
    pub running: u32,
    /// Share of KV blocks in use by requests.
    pub kv_usage: f32,
    /// Tokens that the KV cache holds.
    pub cache_tokens: u32,
    /// Adapters in memory at once.
    pub max_adapters: u32,
    /// Adapters of running requests.
    pub running_adapters: Vec<u16>,
    /// Adapters of waiting requests.
    pub waiting_adapters: Vec<u16>,
}

/// Blocks that hold so many tokens.
#[must_use]
pub fn blocks_of(tokens: u32) -> usize {
    tokens.div_ceil(BLOCK_TOKENS) as usize
}
