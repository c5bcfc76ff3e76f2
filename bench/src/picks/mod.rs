//! A pick among many endpoints, natively and under Wasm.
//!
//! Invariant: nothing but the pick is timed; the pool is as a worker has it in the middle
//! of its work, with metrics, adapters and requests on their way.

mod case;
mod compare;

pub use case::{Asking, Case, POOLS};
pub use compare::{Row, compare};
