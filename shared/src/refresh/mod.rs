//! The background work of the VM that holds the lease: which endpoint to scrape
//! when, and what is published of what came back.
//!
//! Invariant: an endpoint has at most one scrape under way, and what came back
//! is taken for the endpoint it was asked of or dropped; so a hanging server
//! piles up nothing, and one that left gives its numbers to nobody.

mod discovery;
mod fold;
mod targets;

pub use discovery::{Discovered, NotDiscovered, discover};
pub use fold::{fold, updates};
pub use targets::{Failure, Known, Rhythm, Target, Targets};
