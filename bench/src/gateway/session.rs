//! The measurement: all Envoys up, then rounds in which each variant has its turn.

use super::load::{self, Load};
use super::memory::{self, Memory};
use super::variant::{Places, Ports, Variant, bootstrap};
use super::{ENVOY_CPU, LOAD_CPU, process, upstream};
use crate::bodies::{Kind, Size, body};
use crate::stats::percentile;
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use envoy_runner::{Envoy, EnvoyBinary, Options, free_ports};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

/// How long an Envoy may take to start; it compiles its Wasm module first.
const START: Duration = Duration::from_secs(60);
/// Bodies of the rounds are smaller than this many bytes.
const LARGEST: u32 = 16 << 20;
/// The most requests of one turn.
const REQUESTS: u64 = 10_000_000;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The guides' Envoy configuration.
    pub configuration: PathBuf,
    /// The folder with `bbr-filter.wasm`.
    pub modules: PathBuf,
    /// The filter that only copies.
    pub copy_filter: PathBuf,
    /// Sizes of the bodies.
    pub sizes: Vec<Size>,
    /// How often each variant has its turn, per size.
    pub rounds: usize,
    /// How long a turn takes.
    pub turn: Duration,
    /// Connections of the load.
    pub connections: usize,
}

/// One variant's turn in one round.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Requests answered.
    pub requests: usize,
    /// Requests per second.
    pub rate: f64,
    /// Envoy's CPU time per request, in microseconds.
    pub cpu: f64,
    /// Share of the time that Envoy ran, 0 to 1 (its main thread can add a little).
    pub busy: f64,
    /// Median time of a request, in microseconds.
    pub p50: u32,
    /// 99 of 100 requests took less, in microseconds.
    pub p99: u32,
}

/// All rounds of a variant on one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The variant.
    pub variant: Variant,
    /// The body's size in bytes.
    pub size: usize,
    /// In the order of the rounds.
    pub runs: Vec<Run>,
}

/// Everything measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gateway {
    /// Envoy's version.
    pub envoy: String,
    /// Sizes and variants.
    pub cells: Vec<Cell>,
    /// Memory with very large bodies.
    pub memory: Vec<Memory>,
}

/// Measures; prints each turn as it ends.
pub fn run(binary: &EnvoyBinary, plan: &Plan) -> Result<Gateway> {
    process::pin(LOAD_CPU).context("the load needs a second core of its own")?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    let upstream = local.block_on(&runtime, upstream::start())?;
    let places = Places {
        configuration: plan.configuration.clone(),
        modules: plan.modules.clone(),
        copy_filter: plan.copy_filter.clone(),
        upstream,
    };
    let mut envoys = Vec::new();
    for variant in Variant::ALL {
        envoys.push((variant, Started::new(binary, variant, &places, LARGEST, None)?));
    }
    let send = |load: &Load| local.block_on(&runtime, load::run(load));

    let mut cells = Vec::new();
    for size in &plan.sizes {
        let mut of_size: Vec<Cell> = Vec::new();
        for (variant, envoy) in &envoys {
            // V8 replaces its first code as it warms up.
            turn(*variant, envoy, *size, plan, &send)?;
            of_size.push(Cell { variant: *variant, size: size.0, runs: Vec::new() });
        }
        for round in 1..=plan.rounds {
            for ((variant, envoy), cell) in envoys.iter().zip(&mut of_size) {
                let run = turn(*variant, envoy, *size, plan, &send)?;
                let label = variant.label();
                println!(
                    "{size:>7}  round {round}  {label:18} {:9.1} µs CPU/request  {:9.0} requests/s  busy {:3.0} %",
                    run.cpu,
                    run.rate,
                    run.busy * 100.0,
                    size = size.to_string(),
                );
                cell.runs.push(run);
            }
        }
        cells.append(&mut of_size);
    }
    drop(envoys);
    let memory = memory::measure(binary, &places, &send)?;
    Ok(Gateway { envoy: binary.version.to_string(), cells, memory })
}

fn turn<E>(
    variant: Variant,
    envoy: &Started,
    size: Size,
    plan: &Plan,
    send: &impl Fn(&Load) -> Result<load::Done, E>,
) -> Result<Run>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let load = Load {
        port: envoy.port,
        body: Bytes::from(body(Kind::Chat, size, variant.place())),
        expected: upstream::text(variant.model_header(), size.0),
        connections: plan.connections,
        time: plan.turn,
        requests: REQUESTS,
    };
    let pid = envoy.envoy.pid();
    let before = process::cpu_time(pid)?;
    let done = send(&load).with_context(|| {
        format!(
            "{} with {size}; the log of Envoy ends:\n{}",
            variant.label(),
            envoy.envoy.log_tail()
        )
    })?;
    let cpu = process::cpu_time(pid)?.saturating_sub(before).as_secs_f64();
    let requests = done.latencies.len();
    ensure!(requests > 0, "no request was answered: give a turn more time");
    let seconds = done.elapsed.as_secs_f64();
    Ok(Run {
        requests,
        rate: requests as f64 / seconds,
        cpu: cpu * 1e6 / requests as f64,
        busy: cpu / seconds,
        p50: percentile(&done.latencies, 0.5),
        p99: percentile(&done.latencies, 0.99),
    })
}

/// A variant's Envoy, ready.
pub(super) struct Started {
    pub(super) envoy: Envoy,
    pub(super) port: u16,
}

impl Started {
    /// `buffer` is Envoy's own limit on a held body, if not the configuration's.
    pub(super) fn new(
        binary: &EnvoyBinary,
        variant: Variant,
        places: &Places,
        largest: u32,
        buffer: Option<u32>,
    ) -> Result<Self> {
        let ports = free_ports(2)?;
        let [gateway, admin] = ports.as_slice() else { anyhow::bail!("no two free ports") };
        let ports = Ports { gateway: *gateway, admin: *admin };
        let mut bootstrap = bootstrap(variant, places, ports, largest)?;
        if let Some(bytes) = buffer {
            bootstrap.with_buffer_limit(bytes);
        }
        let options = Options {
            concurrency: 1,
            cpus: vec![ENVOY_CPU],
            log_level: "warning".to_owned(),
            ..Options::default()
        };
        let mut envoy = Envoy::start(binary, &bootstrap, options)?;
        envoy.wait_ready(START).with_context(|| format!("Envoy with {}", variant.label()))?;
        Ok(Self { envoy, port: ports.gateway })
    }
}
