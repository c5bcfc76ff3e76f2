//! The memory that endpoints take, beyond what Envoy itself needs for them.
//!
//! Invariant: each figure is of a fresh Envoy that has been idle for a while; what the same
//! cluster takes without the picker is taken off.

use super::config::{Places, Scrapes, Variant, bootstrap};
use super::endpoints;
use super::rate::wait_for_scrapes;
use crate::envoys::{Contestant, Stage, process};
use anyhow::{Context, Result};
use envoy_runner::EnvoyBinary;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Endpoints of the pools.
const SIZES: [u16; 3] = [0, 100, 1_000];
/// Bytes of an endpoint's metrics.
const PAGE: usize = 3_000;
/// How many times each endpoint is scraped first.
const SCRAPES: u64 = 5;
/// How long memory has to settle.
const SETTLE: Duration = Duration::from_secs(5);

/// What an Envoy has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// No picker.
    Without,
    /// The picker, with the endpoints listed in its configuration.
    Listed,
    /// The picker, finding the endpoints in Envoy's admin interface.
    Discovered,
    /// The picker, with endpoints that close the connection after each scrape: what is left
    /// is not the connections'.
    Closing,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Without, Self::Listed, Self::Discovered, Self::Closing];

    /// For tables.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Without => "no picker",
            Self::Listed => "picker, endpoints listed",
            Self::Discovered => "picker, endpoints discovered",
            Self::Closing => "picker, no connection kept",
        }
    }
}

/// One Envoy's memory.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Footprint {
    /// What it has.
    pub kind: Kind,
    /// Endpoints of the pool.
    pub endpoints: u16,
    /// Resident memory in bytes.
    pub resident: u64,
    /// Of that, what Envoy's allocator gave out, in bytes: without Wasm memories.
    pub allocated: u64,
}

/// Measures; prints each Envoy.
///
/// # Errors
/// An Envoy did not start, or was not scraped.
pub fn footprint(stage: &Stage, binary: &EnvoyBinary, places: &Places) -> Result<Vec<Footprint>> {
    let mut all = Vec::new();
    for size in SIZES {
        for kind in Kind::ALL {
            let endpoints = stage.run(endpoints::start(size, PAGE, kind != Kind::Closing))?;
            let variant = if kind == Kind::Without { Variant::RoundRobin } else { Variant::Picker };
            let scrapes = Scrapes { discovered: kind == Kind::Discovered, ..Scrapes::DEFAULT };
            let (bootstrap, port) = bootstrap(variant, places, &endpoints, scrapes)?;
            let label = format!("{} of {size}", kind.label());
            let contestant = Contestant::start(binary, label, &bootstrap, port, None)?;
            if kind != Kind::Without {
                wait_for_scrapes(stage, &contestant.envoy, u64::from(size) * SCRAPES)?;
            }
            stage.wait(SETTLE);
            let memory: serde_json::Value =
                serde_json::from_str(&contestant.envoy.admin_get("/memory")?)?;
            let allocated = memory.get("allocated").and_then(serde_json::Value::as_str);
            let allocated = allocated.and_then(|text| text.parse().ok());
            let found = Footprint {
                kind,
                endpoints: size,
                resident: process::memory(contestant.envoy.pid())?,
                allocated: allocated.context("Envoy's /memory has no field `allocated`")?,
            };
            println!(
                "{:40} resident {:11} bytes, of Envoy's allocator {:11}",
                contestant.label, found.resident, found.allocated
            );
            all.push(found);
        }
    }
    Ok(all)
}

/// Bytes per endpoint of a pool of this size: what a kind takes beyond no endpoints, less
/// the same without the picker.
#[must_use]
pub fn per_endpoint(
    all: &[Footprint],
    kind: Kind,
    endpoints: u16,
    of: impl Fn(&Footprint) -> u64,
) -> Option<f64> {
    let find = |kind, endpoints| {
        let found = all.iter().find(|f| f.kind == kind && f.endpoints == endpoints)?;
        Some(of(found) as f64)
    };
    let grown = |kind| Some(find(kind, endpoints)? - find(kind, 0)?);
    Some((grown(kind)? - grown(Kind::Without)?) / f64::from(endpoints))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_envoy_needs_for_its_endpoints_is_not_the_picker_s() {
        let of = |kind, endpoints, resident| Footprint { kind, endpoints, resident, allocated: 0 };
        let all = [
            of(Kind::Without, 0, 50_000_000),
            of(Kind::Without, 100, 50_500_000),
            of(Kind::Listed, 0, 90_000_000),
            of(Kind::Listed, 100, 90_700_000),
        ];
        let bytes = per_endpoint(&all, Kind::Listed, 100, |found| found.resident);
        assert_eq!(bytes, Some(2_000.0));
        assert_eq!(per_endpoint(&all, Kind::Closing, 100, |found| found.resident), None);
    }
}
