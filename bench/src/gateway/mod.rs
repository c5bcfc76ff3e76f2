//! The gateway's cost per request on a real Envoy, beside that of Envoy's own filters.
//!
//! One Envoy per variant, all pinned to one core and only one of them under load at a
//! time; the load and the model server share another core and one thread.
//!
//! Invariant: a figure comes from requests that were all answered 200 by the upstream,
//! which names the model header and the number of bytes that reached it. Anything else
//! ends the run.

mod memory;
mod rivals;
pub(crate) mod session;
pub(crate) mod variant;

pub use memory::{Memory, STEPS};
pub use session::{Cell, Gateway, Plan, run};
pub use variant::{Places, Variant};
