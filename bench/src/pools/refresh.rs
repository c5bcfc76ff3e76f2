//! What refreshing the metrics of many endpoints costs Envoy.

use super::config::{Places, Scrapes, Variant, bootstrap};
use super::endpoints;
use super::rate::{scrapes, wait_for_scrapes};
use crate::envoys::{Contestant, Stage};
use anyhow::Result;
use envoy_runner::EnvoyBinary;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Endpoints of the pool.
const ENDPOINTS: u16 = 100;
/// Between two scrapes of one endpoint.
const INTERVAL: Duration = Duration::from_millis(50);
/// Bytes of an endpoint's metrics: what is asked for, and what nearly nothing costs.
const PAGES: [usize; 2] = [60_000, 3_000];

/// The figures with metrics of one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refresh {
    /// Envoy's version.
    pub envoy: String,
    /// Endpoints of the pool.
    pub endpoints: u16,
    /// Milliseconds between two scrapes of one endpoint, as configured.
    pub interval: u64,
    /// Bytes of an endpoint's metrics.
    pub page: usize,
    /// Cores that Envoy used, all its threads; by round.
    pub cores: Vec<f64>,
    /// Scrapes per second that brought metrics; by round.
    pub scrapes: Vec<f64>,
}

/// Measures one size after the other, since two would compete for the same core; prints
/// each round.
///
/// # Errors
/// An Envoy did not start, or nothing was scraped.
pub fn refresh(
    stage: &Stage,
    binary: &EnvoyBinary,
    places: &Places,
    rounds: usize,
    turn: Duration,
) -> Result<Vec<Refresh>> {
    let mut all = Vec::new();
    for page in PAGES {
        let endpoints = stage.run(endpoints::start(ENDPOINTS, page, true))?;
        let each = Scrapes { interval: INTERVAL, concurrency: ENDPOINTS, discovered: false };
        let (bootstrap, port) = bootstrap(Variant::Picker, places, &endpoints, each)?;
        let label = format!("refreshing {ENDPOINTS} of {page} bytes");
        let contestant = Contestant::start(binary, label, &bootstrap, port, None)?;
        // V8 replaces its first code.
        wait_for_scrapes(stage, &contestant.envoy, u64::from(ENDPOINTS) * 20)?;
        let mut figures = Refresh {
            envoy: binary.version.to_string(),
            endpoints: ENDPOINTS,
            interval: u64::try_from(INTERVAL.as_millis()).unwrap_or(u64::MAX),
            page,
            cores: Vec::new(),
            scrapes: Vec::new(),
        };
        for round in 1..=rounds {
            let (cpu, count, begin) =
                (contestant.cpu_time()?, scrapes(&contestant.envoy)?, Instant::now());
            stage.wait(turn);
            let seconds = begin.elapsed().as_secs_f64();
            let cores = contestant.cpu_time()?.saturating_sub(cpu).as_secs_f64() / seconds;
            let done = scrapes(&contestant.envoy)?.saturating_sub(count) as f64 / seconds;
            println!(
                "{:32} round {round}  {cores:.3} cores  {done:7.0} scrapes/s",
                contestant.label
            );
            figures.cores.push(cores);
            figures.scrapes.push(done);
        }
        all.push(figures);
    }
    Ok(all)
}
