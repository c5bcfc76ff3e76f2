//! The harness of the end-to-end tests: a real Envoy with the project's filters, on the
//! guides' configuration, in front of simulated model servers.
//!
//! Invariant: what a test looks at went over real sockets, and no test passes if a
//! filter trapped while it ran (see [`Gateway::check`]).
//!
//! Rejected: a fake Proxy-Wasm host. The filters' own unit tests have one; what breaks
//! in practice is what Envoy does between the callbacks.

mod answer;
mod call;
mod client;
mod expect;
mod gateway;
mod memory;
mod modules;
mod picker;
mod pools;
mod raw;
mod seen;
mod setup;
mod shared;
mod stats;
mod upstream;

pub use answer::Answer;
pub use call::{Call, Upload};
pub use client::{Client, Version};
pub use gateway::Gateway;
pub use memory::{memory, peak_memory};
pub use modules::{binary, dist, root};
pub use picker::{Load, endless};
pub use pools::POOLS;
pub use raw::Raw;
pub use seen::{sha256, unique};
pub use setup::{Rest, Setup, guides_plugin};
pub use shared::{Shared, eventually, run};
pub use upstream::ScriptedUpstream;
