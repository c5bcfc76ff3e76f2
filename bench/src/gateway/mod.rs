//! The gateway's cost per request on a real Envoy, beside that of Envoy's own filters.
//!
//! One Envoy per variant, all pinned to one core and only one of them under load at a
//! time; the load and the model server share another core and one thread.
//!
//! Invariant: a figure comes from requests that were all answered 200 by the upstream,
//! which names the model header and the number of bytes that reached it. Anything else
//! ends the run.

mod load;
mod memory;
mod process;
mod session;
mod upstream;
mod variant;

pub use load::LoadError;
pub use memory::{Memory, STEPS};
pub use session::{Cell, Gateway, Plan, Run, run};
pub use variant::Variant;

/// The core Envoy's one worker runs on.
const ENVOY_CPU: usize = 0;
/// The core of the load and the upstream.
const LOAD_CPU: usize = 1;
