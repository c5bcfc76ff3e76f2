//! What all measurements on real Envoys share: contestants, the load, the upstream.
//!
//! Invariant: all that belongs to a gateway, helper processes included, runs on one core,
//! and the load and the model servers on another. A rate is then one of requests per core,
//! and no measurement takes from what it measures.

mod contestant;
pub(crate) mod edit;
mod helper;
pub(crate) mod load;
pub(crate) mod process;
mod stage;
pub(crate) mod upstream;

pub use contestant::{Contestant, Run};
pub use helper::Helper;
pub use load::{Load, LoadError, Protocol};
pub use process::pin;
pub use stage::Stage;

/// The core of Envoy's one worker, and of its helpers.
pub const GATEWAY_CPU: usize = 0;
/// The core of the load and the upstream.
pub const LOAD_CPU: usize = 1;
