//! The gateway's core: what a request body says, which model it means, what the
//! answer to a bad one is.
//!
//! Invariant: nothing here knows Proxy-Wasm, does I/O or reads a clock; bytes,
//! header values and times are arguments. So all of it runs, and is tested,
//! natively and under Wasm alike. The alternative, logic inside the filters'
//! callbacks, could only be tested with an Envoy around it.

// A sum that wraps is a wrong answer, and a division by zero a trap: each says what it does.
#![deny(clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

pub mod bbr;
pub mod config;
#[allow(
    clippy::arithmetic_side_effects,
    reason = "positions within a chunk, bounded by its length; the loops are hot"
)]
pub mod exposition;
pub mod hash;
mod inserted;
#[allow(
    clippy::arithmetic_side_effects,
    reason = "positions within a chunk, bounded by its length; the loops are hot"
)]
pub mod json;
pub mod lease;
pub mod models;
pub mod openai;
pub mod picker;
pub mod pools;
#[allow(clippy::arithmetic_side_effects, reason = "as in `json`; sums of bytes seen")]
pub mod prompt;
pub mod random;
pub mod refresh;
pub mod scheduling;
pub mod server_metrics;
pub mod snapshot;
pub mod status;

pub use inserted::{inserted, ordered};
