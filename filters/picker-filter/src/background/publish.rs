//! What the holder tells the other VMs: scrapes and the workers' reports, folded.

use std::time::Duration;

use filter_host::BackgroundHost;
use shared::pools::Millis;
use shared::refresh::{Targets, fold};
use shared::scheduling::Health;
use shared::snapshot::{LoadReport, Snapshot, Workers, decode, encode};

use super::Moment;

/// A worker that did not report for this long is taken off the list.
const WORKER_LIFE: Duration = Duration::from_secs(30);

/// The generation after one that was seen. Time itself is the generation: it grows from
/// holder to holder too.
pub(super) fn generation_after(seen: u64, now: Millis) -> u64 {
    now.0.max(seen.saturating_add(1))
}

/// Endpoints that are published within a millisecond's pause: a snapshot of 100 comes
/// every tick, one of 1,000 every 100 ms, since all workers read it.
const ENDPOINTS_PER_MILLI: usize = 10;

/// The longest pause between two snapshots of a pool.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// The pause between two snapshots of a pool of this size.
pub(super) fn pause(endpoints: usize) -> Duration {
    let millis = u64::try_from(endpoints / ENDPOINTS_PER_MILLI).unwrap_or(u64::MAX);
    Duration::from_millis(millis).min(LONGEST_PAUSE)
}

impl<H: BackgroundHost> Moment<'_, H> {
    /// Publishes the snapshot of a pool.
    pub(super) fn publish(
        &self,
        place: usize,
        targets: &Targets,
        reports: &[LoadReport],
        generation: u64,
    ) -> Snapshot {
        let snapshot = fold(targets, reports, place, generation, self.now);
        let keys = &self.vm.keys;
        // The content first, then the news of it.
        if self.host.share(&keys.snapshot(place), &encode(&snapshot), None).is_ok() {
            let _ = self.host.share(&keys.generation(place), &generation.to_le_bytes(), None);
        }
        snapshot
    }

    /// Shows how many endpoints of a pool are ready.
    pub(super) fn show_ready(&self, place: usize, snapshot: &Snapshot) {
        let ready = snapshot.endpoints.iter().filter(|e| e.health == Health::Ready).count();
        let metric = self.vm.metrics.pool(place).and_then(|metrics| metrics.ready);
        metric.into_iter().for_each(|metric| self.host.set(metric, ready as u64));
    }

    /// The workers' reports; workers that are gone are taken off the list.
    pub(super) fn reports(&self) -> Vec<LoadReport> {
        let key = self.vm.keys.workers();
        let Some((bytes, cas)) = self.host.shared(&key) else { return Vec::new() };
        let workers: Workers = decode(&bytes).unwrap_or_default();
        let mut reports = Vec::with_capacity(workers.tokens.len());
        let mut living = Vec::with_capacity(workers.tokens.len());
        for &token in &workers.tokens {
            let report = self.host.shared(&self.vm.keys.load(token));
            let report: Option<LoadReport> = report.and_then(|(bytes, _)| decode(&bytes).ok());
            match report {
                Some(report) if self.now.since(report.at) > WORKER_LIFE => {
                    let _ = self.host.share(&self.vm.keys.load(token), b"", None);
                    if self.vm.settings.request_facts {
                        let _ = self.host.share(&self.vm.keys.prompts(token), b"", None);
                    }
                    if self.vm.settings.status.is_some() {
                        let _ = self.host.share(&self.vm.keys.status(token), b"", None);
                    }
                }
                report => {
                    living.push(token);
                    reports.extend(report);
                }
            }
        }
        if living.len() < workers.tokens.len() {
            let _ = self.host.share(&key, &encode(&Workers { tokens: living }), cas);
        }
        reports
    }
}
