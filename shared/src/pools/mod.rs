//! Pools of model servers: who is in them and what is known of each.
//!
//! Invariant: an endpoint is an address and a port. Two ports of one address are
//! two endpoints (data-parallel ranks of one server), in every map and message.

mod endpoint;
mod millis;

pub use endpoint::{EndpointId, InvalidEndpoint};
pub use millis::Millis;
