//! The end-to-end tests: one file for each thing that the gateway does or withstands.
//!
//! One program runs all of them, so that a machine's cores are busy to the end, and no more
//! than one has to be linked. Rejected: a program for each file, of which Cargo runs one
//! after the other; most of them wait for a single Envoy that compiles its modules.

use gateway_tests::{Setup, Shared};

/// The body-based router with nothing that a test asked for.
static ECHO: Shared = Shared::new(Setup::bbr_echo);

mod bodies;
mod configuration;
mod conformance;
mod first_model;
mod framing;
mod guides;
mod harness;
mod hostile;
mod large;
mod learned_adapters;
mod limits;
mod memory;
mod models;
mod multipart;
mod observability;
mod openai_sdk;
mod parallel;
mod picker_addresses;
mod picker_load;
mod picker_pools;
mod picker_reports;
mod picker_requests;
mod picker_retries;
mod picker_told;
mod picker_trouble;
mod prefix_affinity;
mod request_facts;
mod rewrites;
mod security;
mod self_diagnosis;
mod spoofing;
mod status_page;
mod streaming;
