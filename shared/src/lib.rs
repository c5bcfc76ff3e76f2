//! The gateway's core: what a request body says, which model it means, what the
//! answer to a bad one is.
//!
//! Invariant: nothing here knows Proxy-Wasm, does I/O or reads a clock; bytes,
//! header values and times are arguments. So all of it runs, and is tested,
//! natively and under Wasm alike. The alternative, logic inside the filters'
//! callbacks, could only be tested with an Envoy around it.

pub mod bbr;
pub mod config;
pub mod exposition;
pub mod hash;
mod inserted;
pub mod json;
pub mod lease;
pub mod models;
pub mod openai;
pub mod picker;
pub mod pools;
pub mod prompt;
pub mod random;
pub mod refresh;
pub mod scheduling;
pub mod server_metrics;
pub mod snapshot;
pub mod status;

pub use inserted::{inserted, ordered};
