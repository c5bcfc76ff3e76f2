//! An `ext_proc` server that reads the model out of the body, as the body-based router of
//! the Gateway API Inference Extension does, in its kindest form: Rust, `tonic`, one
//! thread, and `serde_json` skipping all but the model.
//!
//! Invariant: it answers what Envoy was told to ask, and nothing else; a body without a
//! model ends the stream with an error, which Envoy turns into a 500.

mod answers;
mod service;

pub use service::serve;
