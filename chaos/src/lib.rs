//! Chaos: faults on a real Envoy with the project's filters, under load, and a judgement
//! of every single request.
//!
//! Invariant: an error that a client saw passes only if the fault explains *this* error:
//! the request was with the server that was killed, on the connection that was cut, on
//! the worker whose filter trapped. How many errors there were is never a criterion, and
//! neither is how long anything took; what must recover is given so many refreshes of
//! the picker, which slow down with a busy machine.
//!
//! Rejected: random faults all at once, and a share of errors that is tolerated. Such a
//! run proves that the gateway survived, not that it was right.

mod admin;
mod evidence;
mod fault;
mod fleet;
mod load;
mod outcome;
mod report;
mod run;
mod scene;
mod trap;
mod xds;

pub use fault::Fault;
pub use report::{Report, Row};
pub use run::{Plan, run};
pub use scene::Size;
