//! The picker on a real Envoy: request rates among many endpoints, the cost of refreshing
//! their metrics, and the memory they take.
//!
//! Invariant: every endpoint is an address of its own on loopback with a server behind it,
//! and Envoy's own balancers have the very same endpoints.

pub(crate) mod config;
pub(crate) mod endpoints;
mod footprint;
pub(crate) mod rate;
mod refresh;
mod start;

pub use config::{Places, Scrapes, Variant};
pub use footprint::{Footprint, Kind, footprint, per_endpoint};
pub use rate::{Cell, Rates, rates};
pub use refresh::{Refresh, refresh};
pub use start::{Start, VARIANTS as START_VARIANTS, per_worker, starts};

/// How many endpoints the pools have.
pub const SIZES: [u16; 3] = [10, 100, 1_000];
