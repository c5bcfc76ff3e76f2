//! What the filters ask of their host, and Envoy as that host.
//!
//! A filter's logic sees [`StreamHost`] and [`BackgroundHost`] alone, so that its state machines run
//! natively against a fake. The adapter, `envoy`, is compiled for Wasm only and is
//! the one place that calls Proxy-Wasm's host functions.

// A sum that wraps is a wrong answer, and a division by zero a trap: each says what it does.
#![deny(clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

mod background;
mod headers;
mod metric;
mod stream;

#[cfg(target_arch = "wasm32")]
pub mod envoy;

pub use background::{Answer, BackgroundHost, CallId};
pub use headers::Headers;
pub use metric::{Counter, MetricId, MetricKind, Sampler};
pub use stream::{Flow, Refused, StreamHost, StreamId};
