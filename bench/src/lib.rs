//! Measures the body scanner and the picks, natively and under Wasm, and the gateway on
//! real Envoys, and writes what it found into `docs/benchmarks.md`.
//!
//! Invariant: every figure that is compared comes from alternating rounds of one run,
//! and what is reported is the median of the rounds' ratios. Other load on the machine
//! then disturbs both sides alike; figures of two runs are never divided.
//!
//! `cargo xtask bench` builds what is needed and runs it. `cargo bench -p
//! gateway-bench` runs scanner and picks in criterion, for work on them.

pub mod bodies;
pub mod compare;
pub mod contenders;
pub mod digest;
pub mod picks;
pub mod stats;
mod timing;

// Only measured natively.
#[cfg(not(target_arch = "wasm32"))]
pub mod arguments;
#[cfg(not(target_arch = "wasm32"))]
pub mod envoys;
#[cfg(not(target_arch = "wasm32"))]
pub mod ext_proc;
#[cfg(not(target_arch = "wasm32"))]
pub mod gateway;
#[cfg(not(target_arch = "wasm32"))]
pub mod machine;
#[cfg(not(target_arch = "wasm32"))]
pub mod measure;
#[cfg(not(target_arch = "wasm32"))]
pub mod pools;
#[cfg(not(target_arch = "wasm32"))]
pub mod program;
#[cfg(not(target_arch = "wasm32"))]
pub mod report;
#[cfg(not(target_arch = "wasm32"))]
pub mod store;
#[cfg(not(target_arch = "wasm32"))]
pub mod streams;
