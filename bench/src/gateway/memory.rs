//! How much memory Envoy takes for very large bodies.
//!
//! Invariant: each row is a fresh Envoy, and its bodies grow, because what an allocator
//! once took it keeps. Memory is flat when twice the body leaves the peak where it was.

use super::session::start;
use super::variant::{Places, Variant};
use crate::bodies::{Kind, Size, body};
use crate::envoys::{Load, Protocol, Stage, upstream};
use anyhow::{Context, Result};
use bytes::Bytes;
use envoy_runner::EnvoyBinary;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The bodies, and how many of each are sent, one after the other.
pub const STEPS: [(Size, u64); 3] =
    [(Size(100_000), 100), (Size(25_000_000), 4), (Size(50_000_000), 4)];
/// The filter's own limit, above all of them, in bytes.
const MOST: u32 = 64 << 20;
/// Variants, and Envoy's limit on what it holds of a connection's requests, in bytes:
/// `complete` has to hold the body; for `firstModel` what the guides' configuration
/// has, and what Envoy has by itself.
const CASES: [(Variant, u32); 3] =
    [(Variant::Complete, MOST), (Variant::FirstModel, 20 << 20), (Variant::FirstModel, 1 << 20)];

/// What one variant took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The variant.
    pub variant: Variant,
    /// Envoy's limit on what it holds of one connection's requests, in bytes.
    pub limit: u32,
    /// Peak of Envoy's resident memory after each of [`STEPS`], in bytes.
    pub peaks: Vec<u64>,
}

pub(super) fn measure(
    stage: &Stage,
    binary: &EnvoyBinary,
    places: &Places,
    upstream: u16,
) -> Result<Vec<Memory>> {
    let mut measured = Vec::new();
    for (variant, limit) in CASES {
        let started = start(binary, variant, places, upstream, MOST, Some(limit))?;
        let mut peaks = Vec::new();
        for (size, requests) in STEPS {
            let load = Load {
                port: started.port,
                protocol: Protocol::H1,
                body: Bytes::from(body(Kind::Chat, size, variant.place())),
                expected: upstream::text(variant.model_header(), size.0),
                connections: 1,
                time: Duration::from_secs(120),
                requests,
            };
            let run = stage.turn(&started, &load).with_context(|| size.to_string())?;
            peaks.push(run.memory);
        }
        println!("memory  {:18} limit {limit}: peaks {peaks:?} bytes", variant.label());
        measured.push(Memory { variant, limit, peaks });
    }
    Ok(measured)
}
