//! Request rates: who chooses, among how many endpoints.

use super::config::{CLUSTER, Places, Scrapes, Variant, bootstrap};
use super::{SIZES, endpoints};
use crate::bodies::{Kind, Place, Size, body};
use crate::envoys::{Contestant, Load, Protocol, Run, Stage, upstream};
use anyhow::{Result, bail};
use bytes::Bytes;
use envoy_runner::{Envoy, EnvoyBinary};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// The requests' bodies: small, so that the choice of the endpoint is not lost in them.
const BODY: Size = Size(300);
/// How long the picker may take until it has every endpoint's metrics.
const SCRAPED: Duration = Duration::from_secs(30);
/// Before its turn a contestant takes its lease again, and scrapes what was due while it was
/// stopped: up to 1,000 endpoints. With 400 ms a part of that fell into the turn.
const SETTLE: Duration = Duration::from_millis(1_500);
/// The most requests of one turn.
const REQUESTS: u64 = 10_000_000;
/// Bytes of an endpoint's metrics.
const PAGE: usize = 3_000;

/// One variant's rounds with a pool of one size, under one load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The variant.
    pub variant: Variant,
    /// Endpoints of the pool.
    pub endpoints: u16,
    /// Connections of the load.
    pub connections: usize,
    /// Cores used without any request.
    pub idle: f64,
    /// In the order of the rounds.
    pub runs: Vec<Run>,
}

/// All variants and pools.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Envoy's version.
    pub envoy: String,
    /// Variants and pools.
    pub cells: Vec<Cell>,
}

/// Measures; prints each turn as it ends.
///
/// # Errors
/// An Envoy did not start, or an answer was wrong.
pub fn rates(
    stage: &Stage,
    binary: &EnvoyBinary,
    places: &Places,
    rounds: usize,
    turn: Duration,
    connections: &[usize],
) -> Result<Rates> {
    let mut cells = Vec::new();
    for size in SIZES {
        let endpoints = stage.run(endpoints::start(size, PAGE, true))?;
        let mut contestants = Vec::new();
        for variant in Variant::ALL {
            let scraping = variant == Variant::PickerScraping;
            let scrapes = if scraping { Scrapes::DEFAULT } else { Scrapes::RARE };
            let (bootstrap, port) = bootstrap(variant, places, &endpoints, scrapes)?;
            let label = format!("{} of {size}", variant.label());
            let contestant = Contestant::start(binary, label, &bootstrap, port, None)?;
            if matches!(variant, Variant::Picker | Variant::PickerScraping | Variant::Both) {
                wait_for_scrapes(stage, &contestant.envoy, size.into())?;
            }
            contestants.push((variant, contestant));
        }
        for &connections in connections {
            cells.extend(cell(stage, &contestants, size, rounds, turn, connections)?);
        }
    }
    Ok(Rates { envoy: binary.version.to_string(), cells })
}

/// All variants with a pool of one size, under one load.
fn cell(
    stage: &Stage,
    contestants: &[(Variant, Contestant)],
    endpoints: u16,
    rounds: usize,
    turn: Duration,
    connections: usize,
) -> Result<Vec<Cell>> {
    let load = |(variant, contestant): &(Variant, Contestant)| Load {
        port: contestant.port,
        protocol: Protocol::H1,
        body: Bytes::from(body(Kind::Chat, BODY, Place::Last)),
        expected: upstream::text(variant.model_header(), BODY.0),
        connections,
        time: turn,
        requests: REQUESTS,
    };
    let loads: Vec<_> = contestants.iter().map(|one| (&one.1, load(one))).collect();
    let runs = stage.rounds(rounds, SETTLE, &loads, |round, contestant, run| {
        println!(
            "{:44} {connections:3} connections  round {round}  {:7.1} µs CPU/request  {:9.0} requests/s  busy {:3.0} %",
            contestant.label,
            run.cpu,
            run.rate,
            run.busy * 100.0,
        );
    })?;
    let idle = stage.alone(
        contestants,
        |(_, contestant)| contestant,
        SETTLE,
        |(_, contestant)| {
            let idle = idle(stage, contestant, turn)?;
            println!("{:44} idle {:.2} % of a core", contestant.label, idle * 100.0);
            Ok(idle)
        },
    )?;
    let mut cells = Vec::new();
    for (((variant, _), idle), runs) in contestants.iter().zip(idle).zip(runs) {
        cells.push(Cell { variant: *variant, endpoints, connections, idle, runs });
    }
    Ok(cells)
}

/// The cores that a contestant uses while nothing is asked of it.
fn idle(stage: &Stage, contestant: &Contestant, time: Duration) -> Result<f64> {
    let (cpu, begin) = (contestant.cpu_time()?, Instant::now());
    stage.wait(time);
    let used = contestant.cpu_time()?.saturating_sub(cpu).as_secs_f64();
    Ok(used / begin.elapsed().as_secs_f64())
}

/// Waits until the picker has had so many scrapes, while endpoints answer.
pub(crate) fn wait_for_scrapes(stage: &Stage, envoy: &Envoy, count: u64) -> Result<()> {
    let begin = Instant::now();
    loop {
        stage.wait(Duration::from_millis(100));
        let done = scrapes(envoy)?;
        if done >= count {
            return Ok(());
        }
        if begin.elapsed() > SCRAPED {
            bail!(
                "{done} scrapes after {} s, not {count}:\n{}",
                SCRAPED.as_secs(),
                envoy.log_tail()
            );
        }
    }
}

/// Scrapes that brought metrics so far.
pub(super) fn scrapes(envoy: &Envoy) -> Result<u64> {
    let name = format!("wasmcustom.igw_picker_scrapes.pool.{CLUSTER}");
    let stats = envoy.admin_get("/stats?filter=igw_picker_scrapes")?;
    let value = stats.lines().find_map(|line| line.strip_prefix(&name)?.strip_prefix(": "));
    Ok(value.and_then(|value| value.parse().ok()).unwrap_or(0))
}
