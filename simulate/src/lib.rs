//! A discrete-event model of gateways in front of model servers, to compare ways of
//! choosing an endpoint.
//!
//! Invariant: a seed gives the same figures on every machine: one event after the other,
//! ordered by time and then by creation, all chance from seeded generators. Policies see
//! servers only through scrapes; the oracle alone looks inside. What the filters choose
//! with is called from `shared`, never imitated.
//!
//! Rejected: the HTTP simulator of the demo. It runs in real time, so that a comparison
//! of ten policies over five seeds would take hours.

pub mod chance;
pub mod figures;
pub mod policy;
pub mod report;
pub mod server;
pub mod workload;
pub mod world;

/// Tokens of a KV block, as vLLM has it.
pub const BLOCK_TOKENS: u32 = 16;

/// A moment or a span in microseconds of simulated time.
pub type Micros = u64;

/// A second.
pub const SECOND: Micros = 1_000_000;
