//! The memory that endpoints take, beyond what Envoy itself needs for them.
//!
//! Invariant: each figure is of a fresh Envoy that has been idle for a while; what the same
//! cluster takes without the picker is taken off. A process's memory differs by megabytes from
//! one start to the next, so there are rounds, and a pool of 1,000.

use super::config::{Places, Scrapes, Variant, bootstrap};
use super::endpoints::{self, Endpoints};
use super::rate::wait_for_scrapes;
use crate::envoys::{Contestant, Stage, process};
use crate::stats::Spread;
use anyhow::{Context, Result};
use envoy_runner::EnvoyBinary;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Endpoints of the pools.
const SIZES: [u16; 2] = [0, 1_000];
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

/// The memory of one configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Footprint {
    /// What it has.
    pub kind: Kind,
    /// Endpoints of the pool.
    pub endpoints: u16,
    /// Resident memory in bytes, by round.
    pub resident: Vec<u64>,
    /// Of that, what Envoy's allocator gave out, in bytes: without Wasm memories. By round.
    pub allocated: Vec<u64>,
}

/// Measures, all configurations in turn; prints each Envoy.
///
/// # Errors
/// An Envoy did not start, or was not scraped.
pub fn footprint(
    stage: &Stage,
    binary: &EnvoyBinary,
    places: &Places,
    rounds: usize,
) -> Result<Vec<Footprint>> {
    let mut all = Vec::new();
    for size in SIZES {
        for kind in Kind::ALL {
            let endpoints = stage.run(endpoints::start(size, PAGE, kind != Kind::Closing))?;
            let none = Footprint { kind, endpoints: size, resident: vec![], allocated: vec![] };
            all.push((endpoints, none));
        }
    }
    for _ in 0..rounds {
        for (endpoints, found) in &mut all {
            let (resident, allocated) =
                one(stage, binary, places, endpoints, found.kind, found.endpoints)?;
            found.resident.push(resident);
            found.allocated.push(allocated);
        }
    }
    Ok(all.into_iter().map(|(_, found)| found).collect())
}

/// Resident memory of a fresh Envoy, and what its allocator gave out.
fn one(
    stage: &Stage,
    binary: &EnvoyBinary,
    places: &Places,
    endpoints: &Endpoints,
    kind: Kind,
    size: u16,
) -> Result<(u64, u64)> {
    let variant = if kind == Kind::Without { Variant::RoundRobin } else { Variant::Picker };
    let scrapes = Scrapes { discovered: kind == Kind::Discovered, ..Scrapes::DEFAULT };
    let (bootstrap, port) = bootstrap(variant, places, endpoints, scrapes)?;
    let label = format!("{} of {size}", kind.label());
    let contestant = Contestant::start(binary, label, &bootstrap, port, None)?;
    if kind != Kind::Without {
        wait_for_scrapes(stage, &contestant.envoy, u64::from(size) * SCRAPES)?;
    }
    stage.wait(SETTLE);
    let memory: serde_json::Value = serde_json::from_str(&contestant.envoy.admin_get("/memory")?)?;
    let allocated = memory.get("allocated").and_then(serde_json::Value::as_str);
    let allocated = allocated.and_then(|text| text.parse().ok());
    let allocated = allocated.context("Envoy's /memory has no field `allocated`")?;
    let resident = process::memory(contestant.envoy.pid())?;
    println!(
        "{:40} resident {resident:11} bytes, of Envoy's allocator {allocated:11}",
        contestant.label
    );
    Ok((resident, allocated))
}

/// Bytes per endpoint of a pool of this size, by round: what a kind takes beyond no
/// endpoints, less the same without the picker.
#[must_use]
pub fn per_endpoint(
    all: &[Footprint],
    kind: Kind,
    endpoints: u16,
    of: impl Fn(&Footprint) -> &[u64],
) -> Option<Spread> {
    let find = |kind, endpoints| {
        let found = all.iter().find(|f| f.kind == kind && f.endpoints == endpoints)?;
        Some(of(found).iter().map(|bytes| *bytes as f64))
    };
    let with = find(kind, endpoints)?.zip(find(kind, 0)?);
    let without = find(Kind::Without, endpoints)?.zip(find(Kind::Without, 0)?);
    let rounds = with.zip(without);
    Spread::of(rounds.map(|((with, with_none), (without, without_none))| {
        ((with - with_none) - (without - without_none)) / f64::from(endpoints)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_envoy_needs_for_its_endpoints_is_not_the_picker_s() {
        let of = |kind, endpoints, resident: [u64; 3]| Footprint {
            kind,
            endpoints,
            resident: resident.to_vec(),
            allocated: vec![],
        };
        let all = [
            of(Kind::Without, 0, [50_000_000, 50_100_000, 50_000_000]),
            of(Kind::Without, 100, [50_500_000, 50_600_000, 50_400_000]),
            of(Kind::Listed, 0, [90_000_000; 3]),
            of(Kind::Listed, 100, [90_700_000, 90_900_000, 90_500_000]),
        ];
        let bytes = per_endpoint(&all, Kind::Listed, 100, |found| &found.resident);
        assert_eq!(bytes, Some(Spread { median: 2_000.0, min: 1_000.0, max: 4_000.0 }));
        assert_eq!(per_endpoint(&all, Kind::Closing, 100, |found| &found.resident), None);
    }
}
