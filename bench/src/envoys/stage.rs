//! Where the load runs: one thread, pinned, with all connections and the upstream on it.
//!
//! Invariant: contestants run one at a time. Seven Envoys share the gateway's core, and what
//! three of them scrape while they wait would take a third of it from the one that is
//! measured, and of its caches.

use super::contestant::{Contestant, Run};
use super::load::{self, Load};
use super::{LOAD_CPU, process};
use crate::stats::percentile;
use anyhow::{Context, Result, ensure};
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

/// The load's thread.
#[derive(Debug)]
pub struct Stage {
    runtime: Runtime,
    local: LocalSet,
}

impl Stage {
    /// Makes this thread the load's.
    ///
    /// # Errors
    /// There is no second core.
    pub fn new() -> Result<Self> {
        process::pin(LOAD_CPU).context("the load needs a second core of its own")?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, local: LocalSet::new() })
    }

    /// Runs until the future is done; servers that were spawned run meanwhile, and only
    /// meanwhile.
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        self.local.block_on(&self.runtime, future)
    }

    /// Lets the servers run for a while.
    pub fn wait(&self, time: Duration) {
        // Made inside of the runtime, as it needs its clock.
        self.run(async { tokio::time::sleep(time).await });
    }

    /// Puts contestants under load one after the other, in rounds; tells each run, and gives
    /// back the runs of each contestant. `settle` as for [`Self::alone`].
    ///
    /// # Errors
    /// An answer was wrong or late.
    pub fn rounds(
        &self,
        rounds: usize,
        settle: Duration,
        loads: &[(&Contestant, Load)],
        tell: impl Fn(usize, &Contestant, &Run),
    ) -> Result<Vec<Vec<Run>>> {
        let mut all = vec![Vec::with_capacity(rounds); loads.len()];
        for round in 0..=rounds {
            let turns = self.alone(
                loads,
                |(contestant, _)| contestant,
                settle,
                |(contestant, load)| {
                    let run = self.turn(contestant, load)?;
                    if round > 0 {
                        tell(round, contestant, &run);
                    }
                    Ok(run)
                },
            )?;
            // In the first, V8 replaces its first code, and connections are made.
            if round > 0 {
                all.iter_mut().zip(turns).for_each(|(runs, run)| runs.push(run));
            }
        }
        Ok(all)
    }

    /// Does something with each entry, in their order, while the contestants of the others are
    /// stopped. `settle` is the time that it gets before, for what was due while it was stopped.
    ///
    /// # Errors
    /// One of them has ended, or what was to be done failed.
    pub fn alone<E, T>(
        &self,
        entries: &[E],
        contestant: impl Fn(&E) -> &Contestant,
        settle: Duration,
        visit: impl Fn(&E) -> Result<T>,
    ) -> Result<Vec<T>> {
        let paused = entries.iter().map(|entry| Ok(Some(contestant(entry).pause()?)));
        let mut paused = paused.collect::<Result<Vec<_>>>()?;
        let mut visited = Vec::with_capacity(entries.len());
        for (entry, paused) in entries.iter().zip(&mut paused) {
            *paused = None;
            self.wait(settle);
            visited.push(visit(entry)?);
            *paused = Some(contestant(entry).pause()?);
        }
        Ok(visited)
    }

    /// Puts a contestant under load.
    ///
    /// # Errors
    /// An answer was wrong or late.
    pub fn turn(&self, contestant: &Contestant, load: &Load) -> Result<Run> {
        contestant.forget_peak()?;
        let before = contestant.cpu_time()?;
        let begin = Instant::now();
        let done = self.run(load::run(load)).with_context(|| {
            let log = contestant.log_tail();
            format!("{}; the log of Envoy ends:\n{log}", contestant.label)
        })?;
        let cpu = contestant.cpu_time()?.saturating_sub(before).as_secs_f64();
        let requests = done.latencies.len();
        ensure!(requests > 0, "no request was answered: give a turn more time");
        let seconds = done.elapsed.as_secs_f64();
        Ok(Run {
            requests,
            rate: requests as f64 / seconds,
            cpu: cpu * 1e6 / requests as f64,
            busy: cpu / begin.elapsed().as_secs_f64(),
            p50: percentile(&done.latencies, 0.5),
            p90: percentile(&done.latencies, 0.9),
            p99: percentile(&done.latencies, 0.99),
            memory: contestant.peak_memory()?,
        })
    }
}
