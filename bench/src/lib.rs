//! Measures the body scanner, natively and under Wasm, and the gateway on a real
//! Envoy, and writes what it found into `docs/benchmarks.md`.
//!
//! Invariant: every figure that is compared comes from alternating rounds of one run,
//! and what is reported is the median of the rounds' ratios. Other load on the machine
//! then disturbs both sides alike; figures of two runs are never divided.
//!
//! `cargo xtask bench` builds what is needed and runs it. `cargo bench -p
//! gateway-bench` runs the scanner's part in criterion, for work on the scanner.

pub mod bodies;
pub mod compare;
pub mod contenders;
pub mod stats;

#[cfg(not(target_arch = "wasm32"))]
pub mod gateway;
#[cfg(not(target_arch = "wasm32"))]
pub mod machine;
#[cfg(not(target_arch = "wasm32"))]
pub mod report;
#[cfg(not(target_arch = "wasm32"))]
pub mod scanner;
