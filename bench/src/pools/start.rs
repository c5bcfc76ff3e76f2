//! What it takes to start a filter's VMs.
//!
//! Envoy compiles a module once, on its main thread, and clones the VM for every worker.
//! Two figures of the same configuration with few and with many workers tell the two apart.
//!
//! Invariant: what Envoy itself needs for a worker is taken off. Rejected: the times of
//! log lines; what a worker does when it first runs is in none of them.

use super::config::{Places, Scrapes, Variant, bootstrap};
use super::endpoints;
use crate::envoys::{Stage, process};
use crate::stats::Spread;
use anyhow::{Context, Result};
use envoy_runner::{Envoy, EnvoyBinary, Options};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Workers of the two Envoys that are compared: so many that compiling, whose time differs
/// by hundreds of milliseconds from one start to the next, is little beside their VMs.
pub const WORKERS: [u32; 2] = [1, 33];
/// What is started.
pub const VARIANTS: [Variant; 4] =
    [Variant::RoundRobin, Variant::Bbr, Variant::Picker, Variant::Both];
/// Endpoints of the pool.
const ENDPOINTS: u16 = 10;
const READY: Duration = Duration::from_secs(60);
/// How long workers have, once Envoy is ready, for what they do first.
const SETTLE: Duration = Duration::from_secs(1);

/// The starts of one configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// What stands in the filter chain.
    pub variant: Variant,
    /// Envoy's workers.
    pub workers: u32,
    /// From Envoy's start until it is ready, in milliseconds, by round.
    pub ready: Vec<f64>,
    /// CPU time of all threads until a second later, in milliseconds, by round.
    pub cpu: Vec<f64>,
}

/// Measures, all variants in turn.
///
/// # Errors
/// An Envoy did not start.
pub fn starts(
    stage: &Stage,
    binary: &EnvoyBinary,
    places: &Places,
    rounds: usize,
) -> Result<Vec<Start>> {
    let mut all: Vec<_> = VARIANTS
        .into_iter()
        .flat_map(|variant| WORKERS.map(|workers| (variant, workers)))
        .map(|(variant, workers)| Start { variant, workers, ready: vec![], cpu: vec![] })
        .collect();
    let endpoints = stage.run(endpoints::start(ENDPOINTS, 3_000, true))?;
    for _ in 0..rounds {
        for start in &mut all {
            let (bootstrap, _) = bootstrap(start.variant, places, &endpoints, Scrapes::RARE)?;
            let options = Options {
                concurrency: start.workers,
                log_level: "warning".to_owned(),
                ..Options::default()
            };
            let begin = Instant::now();
            let mut envoy = Envoy::start(binary, &bootstrap, options)?;
            envoy.wait_ready(READY).with_context(|| start.variant.label())?;
            let ready = begin.elapsed();
            stage.wait(SETTLE);
            let cpu = process::cpu_time(envoy.pid())?;
            start.ready.push(ready.as_secs_f64() * 1e3);
            start.cpu.push(cpu.as_secs_f64() * 1e3);
        }
    }
    for Start { variant, workers, ready, cpu } in &all {
        println!(
            "{:32} {workers} workers: ready {ready:.0?} ms, CPU {cpu:.0?} ms",
            variant.label()
        );
    }
    Ok(all)
}

/// CPU milliseconds that each worker's VMs take, beyond what Envoy itself needs for it.
#[must_use]
pub fn per_worker(all: &[Start], variant: Variant) -> Option<Spread> {
    let [few, many] = WORKERS;
    let find = |variant, workers| {
        all.iter().find(|start| start.variant == variant && start.workers == workers)
    };
    let grown = |variant| {
        let (few, many) = (find(variant, few)?, find(variant, many)?);
        Some(many.cpu.iter().zip(&few.cpu).map(|(many, few)| many - few).collect::<Vec<_>>())
    };
    let (with, without) = (grown(variant)?, grown(Variant::RoundRobin)?);
    let workers = f64::from(many.saturating_sub(few));
    Spread::of(with.iter().zip(&without).map(|(with, without)| (with - without) / workers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_envoy_needs_for_a_worker_is_not_the_filter_s() {
        let of = |variant, workers, cpu: [f64; 2]| Start {
            variant,
            workers,
            ready: vec![],
            cpu: cpu.to_vec(),
        };
        let all = [
            of(Variant::RoundRobin, 1, [100.0, 100.0]),
            of(Variant::RoundRobin, 33, [140.0, 148.0]),
            of(Variant::Bbr, 1, [300.0, 310.0]),
            of(Variant::Bbr, 33, [660.0, 678.0]),
        ];
        let spread = per_worker(&all, Variant::Bbr).unwrap();
        assert_eq!(spread, Spread { median: 10.0, min: 10.0, max: 10.0 });
        assert_eq!(per_worker(&all, Variant::Picker), None);
    }
}
