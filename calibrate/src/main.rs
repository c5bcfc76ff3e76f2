//! `calibrate`: the same requests to the simulation and to the demo's servers behind a real
//! Envoy, and how far apart what they met is.
//!
//! Invariant: sessions are made once, by the simulation's code, and both sides get these;
//! sizes and speed of the servers come from one [`Hardware`]. Figures are written, never
//! judged.
//!
//! Rejected: a part of the simulation. It knows no Envoy, and its figures do not depend on
//! the machine.

mod client;
mod gateway;
mod project;
mod prompts;
mod replay;
mod servers;
mod twin;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use envoy_runner::{EnvoyBinary, obtain};
use gateway::Gateway;
use simulate::SECOND;
use simulate::policy::{Kind, Layout, Variant};
use simulate::report::calibration::{Calibration, Figure, Round, Side, figures, replace, section};
use simulate::server::{Hardware, Model, Server};
use simulate::workload::{Session, Small};
use simulate::world::{Span, play};
use tokio::task::spawn_blocking;
use twin::Twin;

/// One gateway with Envoy's two workers, as the demo has them.
const LAYOUT: Layout = Layout { replicas: 1, workers: 2, servers: 4 };
/// Half a minute, of which the first seconds fill the caches.
const SPAN: Span = Span { warm_up: 6 * SECOND, horizon: 30 * SECOND, patience: 150 * SECOND };
/// What the report's conclusions compare, without a reference that speaks no HTTP here.
const POLICIES: [Kind; 2] = [Kind::RoundRobin, Kind::Ours(Variant::Recommended)];

/// Compare the simulation with the demo's servers on a real Envoy.
#[derive(Parser)]
struct Arguments {
    /// Put the section into this report, the figures into a folder of the same name beside it.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Seeds per figure, 2 to 10; each takes four minutes.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(2..=10))]
    seeds: u64,
    /// Run the model alone, on the seeds that a report has of Envoy.
    #[arg(long)]
    model_only: bool,
    /// Without a report: only workloads whose name contains this.
    #[arg(long, default_value = "", conflicts_with = "report")]
    workload: String,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let folder = arguments.report.as_ref().map(|report| report.with_extension(""));
    let stored = folder.as_ref().map(|folder| Calibration::load(folder)).transpose()?.flatten();
    ensure!(
        !arguments.model_only || folder.is_none() || stored.is_some(),
        "nothing is stored that was measured on Envoy; run without --model-only"
    );
    let mut rounds = Vec::new();
    let binary = if arguments.model_only { None } else { Some(obtain(None)?) };
    let mut calibration = match (&binary, stored) {
        (None, Some(stored)) => {
            rounds.extend(stored.rounds.iter().filter(|r| r.side == Side::Envoy).cloned());
            stored
        }
        (binary, _) => Calibration {
            envoy: binary.as_ref().map_or_else(String::new, |b| b.version.to_string()),
            cores: std::thread::available_parallelism()?.get(),
            load: load(),
            seconds: SPAN.horizon / SECOND,
            warm_up: SPAN.warm_up / SECOND,
            rounds: Vec::new(),
        },
    };
    let measured = rounds.iter().map(|round: &Round| round.seed).max();
    let seeds = measured.unwrap_or(arguments.seeds);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for workload in Small::ALL.into_iter().filter(|w| w.name().contains(&arguments.workload)) {
        for seed in 1..=seeds {
            let sessions = workload.sessions(seed, SPAN.horizon);
            for policy in POLICIES {
                let round = |side, figures, late| Round {
                    workload: workload.name().to_owned(),
                    policy: policy.name().to_owned(),
                    seed,
                    side,
                    figures,
                    late,
                };
                let mut made = modelled(&sessions, policy, seed);
                if let Some(binary) = &binary {
                    let measured = measure(binary.clone(), sessions.clone(), policy);
                    let (figures, late) = runtime.block_on(measured)?;
                    made.push((Side::Envoy, figures, late));
                }
                for (side, figures, late) in made {
                    let round = round(side, figures, late);
                    println!("{}", line(&round));
                    rounds.push(round);
                }
            }
        }
    }
    calibration.rounds = rounds;
    let (Some(report), Some(folder)) = (arguments.report, folder) else { return Ok(()) };
    calibration.save(&folder)?;
    // As stored, so that the page is what its figures make.
    let calibration = Calibration::load(&folder)?.context("the figures just stored")?;
    let page = std::fs::read_to_string(&report)
        .with_context(|| format!("reading {}", report.display()))?;
    let page = replace(&page, &section(&calibration))
        .with_context(|| format!("{} has no place for the calibration", report.display()))?;
    std::fs::write(&report, page).with_context(|| format!("writing {}", report.display()))?;
    println!("wrote {}", report.display());
    Ok(())
}

type Made = (Side, std::collections::BTreeMap<Figure, f64>, f64);

/// Both models on these sessions.
fn modelled(sessions: &[Session], policy: Kind, seed: u64) -> Vec<Made> {
    let hardware = Hardware::a10_8b();
    let made = [
        (Side::Model, play_on(sessions, policy, seed, || Server::new(hardware))),
        (Side::Engine, play_on(sessions, policy, seed, || Twin::new(&hardware))),
    ];
    made.map(|(side, figures)| (side, figures, 0.0)).into()
}

fn play_on<M: Model>(
    sessions: &[Session],
    policy: Kind,
    seed: u64,
    server: impl Fn() -> M,
) -> std::collections::BTreeMap<Figure, f64> {
    let servers = (0..LAYOUT.servers).map(|_| server()).collect();
    let run = play(sessions, policy.build(LAYOUT, seed), LAYOUT, servers, SPAN, seed);
    figures(&run.samples, LAYOUT.servers)
}

/// The sessions on a fresh Envoy with fresh servers; and how late requests left, p99 in
/// milliseconds.
async fn measure(
    binary: EnvoyBinary,
    sessions: Vec<Session>,
    policy: Kind,
) -> Result<(std::collections::BTreeMap<Figure, f64>, f64)> {
    let hardware = Hardware::a10_8b();
    let Layout { workers, servers, .. } = LAYOUT;
    let gateway = Gateway::start(&binary, policy, &hardware, servers, workers).await?;
    let port = gateway.port();
    let replayed = spawn_blocking(move || replay::replay(port, &sessions, servers, SPAN)).await?;
    gateway.stop().await?;
    let replayed = replayed?;
    let late = replayed.late.get(replayed.late.len() * 99 / 100);
    let late = late.map_or(0.0, |late| late.as_secs_f64() * 1_000.0);
    Ok((figures(&replayed.samples, servers), late))
}

fn line(round: &Round) -> String {
    let side = format!("{:?}", round.side);
    let head = format!("{:22} {:12} seed {} {side:7}", round.workload, round.policy, round.seed);
    let figures = round.figures.iter().map(|(figure, value)| match figure {
        Figure::HitRate | Figure::Spread => format!("  {} {value:.3}", figure.name()),
        _ => format!("  {} {value:.0}", figure.name()),
    });
    head + &figures.collect::<String>() + &format!("  late {:.1}", round.late)
}

/// Runnable processes over the last minute; 0 where the kernel does not say.
fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}
