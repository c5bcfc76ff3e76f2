//! The tool as a whole: manifests in, files out, a gateway that serves.
//!
//! Invariant: no test looks at anything outside of the project's folder. The guides' YAML
//! and the Inference Extension's manifests are copied here as facts, without their prose.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers beside the tests are tests too"
)]

mod agentgateway;
mod cases;
mod check;
mod crds;
mod diagnose;
mod envoy_gateway;
mod examples;
mod faults;
mod golden;
mod helm;
mod istio;
mod meaning;
mod platform;
mod run;
mod shuffle;
mod validate;
