//! The measurement: all Envoys up, then rounds in which each variant has its turn.

use super::memory::{self, Memory};
use super::variant::{Places, Ports, Variant, bootstrap};
use crate::bodies::{Kind, Size, body};
use crate::envoys::{Contestant, Helper, Load, Protocol, Run, Stage, upstream};
use anyhow::{Context, Result};
use bytes::Bytes;
use envoy_runner::{EnvoyBinary, free_ports};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bodies of the rounds are smaller than this many bytes.
pub(crate) const LARGEST: u32 = 16 << 20;
/// The most requests of one turn.
const REQUESTS: u64 = 10_000_000;
/// The most bytes of bodies in flight: filters hold all of it, some of it twice.
const IN_FLIGHT: usize = 512 << 20;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Sizes of the bodies.
    pub sizes: Vec<Size>,
    /// How often each variant has its turn, per size and load.
    pub rounds: usize,
    /// How long a turn takes.
    pub turn: Duration,
    /// Connections of the loads.
    pub connections: Vec<usize>,
    /// Protocols of the loads.
    pub protocols: Vec<Protocol>,
}

/// All rounds of a variant on one size under one load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The variant.
    pub variant: Variant,
    /// The body's size in bytes.
    pub size: usize,
    /// How requests come.
    pub protocol: Protocol,
    /// Connections, each with one request in flight.
    pub connections: usize,
    /// In the order of the rounds.
    pub runs: Vec<Run>,
}

/// Everything measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gateway {
    /// Envoy's version.
    pub envoy: String,
    /// Sizes, loads and variants.
    pub cells: Vec<Cell>,
    /// Memory with very large bodies.
    pub memory: Vec<Memory>,
}

/// Measures; prints each turn as it ends.
///
/// # Errors
/// An Envoy did not start, or an answer was wrong.
pub fn run(stage: &Stage, binary: &EnvoyBinary, places: &Places, plan: &Plan) -> Result<Gateway> {
    let upstream = stage.run(upstream::start())?;
    let mut contestants = Vec::new();
    for variant in Variant::ALL {
        contestants.push((variant, start(binary, variant, places, upstream, LARGEST, None)?));
    }
    let mut cells = Vec::new();
    for &protocol in &plan.protocols {
        for &connections in &plan.connections {
            for size in plan.sizes.iter().filter(|size| size.0 * connections <= IN_FLIGHT) {
                cells.extend(cell(stage, &contestants, plan, protocol, connections, *size)?);
            }
        }
    }
    drop(contestants);
    let memory = memory::measure(stage, binary, places, upstream)?;
    Ok(Gateway { envoy: binary.version.to_string(), cells, memory })
}

/// All variants on one size under one load.
fn cell(
    stage: &Stage,
    contestants: &[(Variant, Contestant)],
    plan: &Plan,
    protocol: Protocol,
    connections: usize,
    size: Size,
) -> Result<Vec<Cell>> {
    let load = |(variant, contestant): &(Variant, Contestant)| Load {
        port: contestant.port,
        protocol,
        body: Bytes::from(body(Kind::Chat, size, variant.place())),
        expected: upstream::text(variant.model_header(), size.0),
        connections,
        time: plan.turn,
        requests: REQUESTS,
    };
    let loads: Vec<_> = contestants.iter().map(|one| (&one.1, load(one))).collect();
    // Nothing is due here while nobody asks.
    let runs = stage.rounds(plan.rounds, Duration::ZERO, &loads, |round, contestant, run| {
        println!(
            "{size:>7} {protocol:?} {connections:3} connections  round {round}  {label:22} {:9.1} µs CPU/request  {:9.0} requests/s  p99 {:8} µs  busy {:3.0} %",
            run.cpu,
            run.rate,
            run.p99,
            run.busy * 100.0,
            size = size.to_string(),
            label = contestant.label,
        );
    });
    let cells = contestants.iter().zip(runs.with_context(|| size.to_string())?);
    let cell = |((variant, _), runs): (&(Variant, Contestant), _)| Cell {
        variant: *variant,
        size: size.0,
        protocol,
        connections,
        runs,
    };
    Ok(cells.map(cell).collect())
}

/// Starts a variant. `buffer` is Envoy's own limit on a held body, if not the
/// configuration's.
pub(crate) fn start(
    binary: &EnvoyBinary,
    variant: Variant,
    places: &Places,
    upstream: u16,
    largest: u32,
    buffer: Option<u32>,
) -> Result<Contestant> {
    let helper = match variant {
        Variant::ExtProcBuffered => Some(Helper::start(&places.ext_proc, &["buffered"])?),
        Variant::ExtProcDuplex => Some(Helper::start(&places.ext_proc, &["duplex"])?),
        _ => None,
    };
    let ports = free_ports(2)?;
    let [gateway, admin] = ports.as_slice() else { anyhow::bail!("no two free ports") };
    let ext_proc = helper.as_ref().map(Helper::port);
    let ports = Ports { gateway: *gateway, admin: *admin, upstream, ext_proc };
    let mut bootstrap = bootstrap(variant, places, ports, largest)?;
    if let Some(bytes) = buffer {
        bootstrap.with_buffer_limit(bytes);
    }
    Contestant::start(binary, variant.label(), &bootstrap, ports.gateway, helper)
}
