//! What a model server says of itself: queue, KV cache, adapters.
//!
//! From a scrape of its metrics page ([`MetricsReader`], for the servers of
//! [`ServerKind`] and for names of one's own) or from a response header ([`orca`]).
//!
//! Invariants: every field stands alone, so a family that is missing or broken costs
//! that field only; a number in a field can be used as it is (no NaN, nothing
//! negative, a fraction between 0 and 1); lists and names are bounded, whatever
//! the server writes.
//!
//! Rejected alternative: zero for what is missing, as an idle server has it. A server
//! that says nothing would look like the best of the pool.

mod adapters;
mod gathered;
mod kind;
mod names;
pub mod orca;
mod reader;
mod selector;
#[cfg(test)]
mod tests;

pub use adapters::{AdapterLevel, AdapterMetrics, LoadedAdapter, MAX_LISTED_ADAPTERS};
pub use kind::ServerKind;
pub use names::{Metric, MetricNames};
pub use reader::{MetricsReader, Reading};
pub use selector::{InvalidSelector, Selector};

/// What a model server said at one time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServerMetrics {
    /// Requests in its queue, over all its engines.
    pub waiting: Option<u32>,
    /// Requests it works on, over all its engines.
    pub running: Option<u32>,
    /// The part of the KV cache in use, 0 to 1; of several engines the fullest.
    pub kv_usage: Option<f32>,
    /// Tokens in a block of the KV cache, at least 1.
    pub block_size: Option<u32>,
    /// Blocks of the KV cache, at least 1; of several engines the largest cache, since a
    /// prefix in one engine's cache is of no use to another.
    pub blocks: Option<u32>,
    /// Its LoRA adapters; `None` if it shows none of their metrics.
    pub adapters: Option<AdapterMetrics>,
}

impl ServerMetrics {
    /// Whether it says nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes over what `newer` says and keeps the rest.
    pub fn update(&mut self, newer: Self) {
        let older = std::mem::take(self);
        *self = Self {
            waiting: newer.waiting.or(older.waiting),
            running: newer.running.or(older.running),
            kv_usage: newer.kv_usage.or(older.kv_usage),
            block_size: newer.block_size.or(older.block_size),
            blocks: newer.blocks.or(older.blocks),
            adapters: newer.adapters.or(older.adapters),
        };
    }
}
