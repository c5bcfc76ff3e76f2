//! What a VM does on its ticks.
//!
//! Every VM: contend for the lease, take over newer snapshots, report its loads.
//! The holder also: find endpoints, scrape them, fold the reports in, publish.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use filter_host::{Answer, BackgroundHost, CallId, MetricId, MetricKind};
use shared::lease::{Contender, Record, Step};
use shared::picker::EndpointSource;
use shared::pools::{EndpointId, Millis};
use shared::refresh::{Discovered, Failure, Known, Rhythm, Targets, discover, fold, updates};
use shared::scheduling::Health;
use shared::snapshot::{EndpointLoad, LoadReport, Snapshot, Workers, decode, encode};

use crate::call::{Calls, Question};
use crate::metrics::EndpointGauges;
use crate::scrape;
use crate::vm::Vm;

/// Between two questions to the admin interface.
const DISCOVERY_INTERVAL: Duration = Duration::from_secs(1);

/// Between two looks at the list of workers.
const REGISTRATION_INTERVAL: Duration = Duration::from_secs(1);

/// Between two updates of the endpoints' gauges.
const GAUGE_INTERVAL: Duration = Duration::from_secs(1);

/// Between two flushes of the requests' counters.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// A worker that did not report for this long is taken off the list.
const WORKER_LIFE: Duration = Duration::from_secs(30);

/// The background work of one VM.
pub struct Background<H> {
    host: H,
    vm: Rc<Vm>,
    define: fn(MetricKind, &str) -> Option<MetricId>,
    rhythm: Rhythm,
    holds: bool,
    pools: Vec<PoolWork>,
    calls: Calls,
    registered: Option<Millis>,
    gauged: Option<Millis>,
    flushed: Option<Millis>,
}

/// The background work for one pool.
#[derive(Default)]
struct PoolWork {
    targets: Targets,
    discovery_due: Millis,
    discovery_failed: bool,
    /// Whether the endpoints are known; before, nothing is published, since an empty
    /// pool is not the same as one that nobody has looked at.
    is_found: bool,
    /// The generation taken over last.
    seen: u64,
    /// What this VM reported last.
    reported: Vec<EndpointLoad>,
    gauges: BTreeMap<EndpointId, EndpointGauges>,
}

impl<H: BackgroundHost> Background<H> {
    /// The work of a VM that has not ticked yet.
    pub fn new(host: H, vm: Rc<Vm>, define: fn(MetricKind, &str) -> Option<MetricId>) -> Self {
        let scrape = &vm.settings.scrape;
        let rhythm = Rhythm { interval: scrape.interval, timeout: scrape.timeout };
        let pools = vm.settings.pools.iter().map(|_| PoolWork::default()).collect();
        Self {
            host,
            vm,
            define,
            rhythm,
            holds: false,
            pools,
            calls: Calls::default(),
            registered: None,
            gauged: None,
            flushed: None,
        }
    }

    /// The time between ticks: half of a scrape's interval, 20 to 100 ms.
    #[must_use]
    pub fn tick_period(&self) -> Duration {
        (self.rhythm.interval / 2).clamp(Duration::from_millis(20), Duration::from_millis(100))
    }

    /// Whether this VM scrapes.
    #[must_use]
    pub fn holds_lease(&self) -> bool {
        self.holds
    }

    /// A tick.
    pub fn on_tick(&mut self) {
        let now = Millis::from(self.host.now());
        self.contend(now);
        if self.holds {
            self.find_endpoints(now);
            self.scrape(now);
            self.publish(now);
        }
        for place in 0..self.pools.len() {
            self.take_over(place);
        }
        self.report(now);
        self.flush(now);
    }

    /// Tells the host what the requests counted.
    fn flush(&mut self, now: Millis) {
        if self.flushed.is_none_or(|last| now.since(last) >= FLUSH_INTERVAL) {
            let pools = (0..self.pools.len()).filter_map(|place| self.vm.metrics.pool(place));
            pools.for_each(|metrics| metrics.flush(|id, amount| self.host.add(id, amount)));
            self.flushed = Some(now);
        }
    }

    /// The answer to a call came.
    pub fn on_answer(&mut self, id: CallId, answer: &impl Answer) {
        let now = Millis::from(self.host.now());
        let Some(call) = self.calls.take(id) else { return };
        match call.question {
            Question::Metrics { pool, endpoint } => {
                self.on_metrics(pool, endpoint, call.asked, answer, now);
            }
            Question::Endpoints { pool } => self.on_endpoints(pool, answer, now),
        }
    }

    fn contend(&mut self, now: Millis) {
        let key = self.vm.keys.lease();
        let stored = self.host.shared(&key);
        let record = stored.as_ref().and_then(|(bytes, _)| Record::from_bytes(bytes));
        let busy = self.vm.is_busy(now);
        let held = self.holds;
        self.holds = match (Contender { token: self.vm.token }).step(record, busy, now) {
            Step::Hold => true,
            Step::Wait => false,
            Step::Write(record) => match &stored {
                Some((_, cas)) => self.host.share(&key, &record.to_bytes(), *cas).is_ok(),
                // Writing a key that is not there succeeds for everybody: seed it
                // without a holder, and claim by compare-and-set on the next tick.
                None => {
                    let seed = Record { holder: 0, expires: Millis(0), busy: false };
                    let _ = self.host.share(&key, &seed.to_bytes(), None);
                    false
                }
            },
        };
        if self.holds && !held {
            self.start_holding(now);
        }
    }

    /// Starts from what the last holder published, so that a change of holders costs
    /// no metrics.
    fn start_holding(&mut self, now: Millis) {
        self.host.info("picker: this VM scrapes from now on");
        for (place, work) in self.pools.iter_mut().enumerate() {
            let Some(pool) = self.vm.settings.pools.get(place) else { continue };
            work.discovery_due = now;
            let known = self.vm.with_pool(place, |pool, _| {
                let endpoints = pool.endpoints().iter().map(|endpoint| Known {
                    id: endpoint.id,
                    health: endpoint.health,
                    observation: endpoint.observation.clone(),
                });
                (pool.is_known(), endpoints.collect::<Vec<_>>())
            });
            let (is_known, known) = known.unwrap_or_default();
            work.targets.resume(known, self.rhythm, now);
            work.is_found = is_known;
            if let EndpointSource::Listed(list) = &pool.endpoints {
                let listed = list.iter().map(|&id| Discovered { id, healthy: true });
                work.targets.set(listed.collect(), self.rhythm, now);
                work.is_found = true;
            }
        }
    }

    fn find_endpoints(&mut self, now: Millis) {
        for (place, work) in self.pools.iter_mut().enumerate() {
            let Some(pool) = self.vm.settings.pools.get(place) else { continue };
            let EndpointSource::EnvoyAdmin(admin) = &pool.endpoints else { continue };
            if now < work.discovery_due {
                continue;
            }
            work.discovery_due = now + DISCOVERY_INTERVAL;
            let path = format!("/clusters?format=json&filter=%5E{}%24", escaped(&pool.cluster));
            let headers =
                [(":method", "GET"), (":path", path.as_str()), (":authority", admin.as_str())];
            match self.host.get(admin, &headers, self.rhythm.timeout) {
                Some(id) => self.calls.note(id, Question::Endpoints { pool: place }, now),
                None => warn_once(&self.host, &mut work.discovery_failed, || {
                    format!(
                        "picker: pool {}: cluster \"{admin}\" of Envoy's admin interface is not there",
                        pool.name
                    )
                }),
            }
        }
    }

    fn on_endpoints(&mut self, place: usize, answer: &impl Answer, now: Millis) {
        let (Some(work), Some(pool)) =
            (self.pools.get_mut(place), self.vm.settings.pools.get(place))
        else {
            return;
        };
        let mut json = Vec::new();
        if answer.status() == Some(200) {
            answer.read_body(&mut |piece| json.extend_from_slice(piece));
        }
        match discover(&json, &pool.cluster) {
            Ok(found) => {
                work.discovery_failed = false;
                work.is_found = true;
                work.targets.set(found, self.rhythm, now);
            }
            // What is known stays: an admin interface that is slow empties no pool.
            Err(error) => warn_once(&self.host, &mut work.discovery_failed, || {
                format!(
                    "picker: pool {}: no endpoints from Envoy's admin interface: {error}",
                    pool.name
                )
            }),
        }
    }

    fn scrape(&mut self, now: Millis) {
        let settings = &self.vm.settings;
        let under_way: usize = self.pools.iter().map(|work| work.targets.under_way()).sum();
        let mut room = settings.scrape.concurrency.saturating_sub(under_way);
        // Another pool comes first each time, so that none starves when room is scarce.
        let count = self.pools.len().max(1);
        let first = usize::try_from(now.0 % count as u64).unwrap_or(0);
        for place in (first..count).chain(0..first) {
            let (Some(work), Some(pool)) = (self.pools.get_mut(place), settings.pools.get(place))
            else {
                continue;
            };
            for id in work.targets.take_due(room, self.rhythm, now) {
                room = room.saturating_sub(1);
                let endpoint = id.to_string();
                let headers = [
                    (":method", "GET"),
                    (":path", pool.metrics_path.as_str()),
                    (":authority", endpoint.as_str()),
                    (scrape::DESTINATION, endpoint.as_str()),
                ];
                match self.host.get(&settings.scrape.cluster, &headers, self.rhythm.timeout) {
                    Some(call) => {
                        self.calls.note(call, Question::Metrics { pool: place, endpoint: id }, now)
                    }
                    None => work.targets.failed(id, Failure::NoMetrics, self.rhythm, now),
                }
            }
        }
    }

    fn on_metrics(
        &mut self,
        place: usize,
        id: EndpointId,
        asked: Millis,
        answer: &impl Answer,
        now: Millis,
    ) {
        let (Some(work), Some(pool)) =
            (self.pools.get_mut(place), self.vm.settings.pools.get(place))
        else {
            return;
        };
        let metrics = self.vm.metrics.pool(place);
        let counter = match scrape::read(answer, pool) {
            Ok(observation) => {
                work.targets.succeeded(id, observation, self.rhythm, now);
                metrics.and_then(|metrics| metrics.scrapes)
            }
            Err(failure) => {
                work.targets.failed(id, failure, self.rhythm, now);
                metrics.and_then(|metrics| metrics.scrape_failures)
            }
        };
        counter.into_iter().for_each(|counter| self.host.add(counter, 1));
        if let Some(histogram) = metrics.and_then(|metrics| metrics.scrape_milliseconds) {
            self.host
                .record(histogram, u64::try_from(now.since(asked).as_millis()).unwrap_or(u64::MAX));
        }
    }

    fn publish(&mut self, now: Millis) {
        let reports = self.read_reports(now);
        let gauge = self.gauged.is_none_or(|last| now.since(last) >= GAUGE_INTERVAL);
        for (place, work) in self.pools.iter_mut().enumerate() {
            if !work.is_found {
                continue;
            }
            // Time itself is the generation: it grows from holder to holder too.
            let generation = now.0.max(work.seen + 1);
            let snapshot = fold(&work.targets, &reports, place, generation, now);
            let keys = &self.vm.keys;
            // The content first, then the news of it.
            let shared = self.host.share(&keys.snapshot(place), &encode(&snapshot), None);
            if shared.is_ok() {
                let _ = self.host.share(&keys.generation(place), &generation.to_le_bytes(), None);
            }
            if gauge {
                let name = self.vm.settings.pools.get(place).map_or("", |pool| pool.name.as_str());
                set_gauges(&self.host, self.define, work, name, &snapshot, now);
                let ready = snapshot.endpoints.iter().filter(|e| e.health == Health::Ready).count();
                let metric = self.vm.metrics.pool(place).and_then(|metrics| metrics.ready);
                metric.into_iter().for_each(|metric| self.host.set(metric, ready as u64));
            }
        }
        if gauge {
            self.gauged = Some(now);
        }
    }

    /// The workers' reports; workers that are gone are taken off the list.
    fn read_reports(&self, now: Millis) -> Vec<LoadReport> {
        let key = self.vm.keys.workers();
        let Some((bytes, cas)) = self.host.shared(&key) else { return Vec::new() };
        let workers: Workers = decode(&bytes).unwrap_or_default();
        let mut reports = Vec::with_capacity(workers.tokens.len());
        let mut living = Vec::with_capacity(workers.tokens.len());
        for &token in &workers.tokens {
            let report = self.host.shared(&self.vm.keys.load(token));
            let report: Option<LoadReport> = report.and_then(|(bytes, _)| decode(&bytes).ok());
            match report {
                Some(report) if now.since(report.at) > WORKER_LIFE => {
                    let _ = self.host.share(&self.vm.keys.load(token), b"", None);
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

    fn take_over(&mut self, place: usize) {
        let Some(work) = self.pools.get_mut(place) else { return };
        let Some((generation, _)) = self.host.shared(&self.vm.keys.generation(place)) else {
            return;
        };
        match <[u8; 8]>::try_from(generation.as_slice()).map(u64::from_le_bytes) {
            Ok(generation) if generation != work.seen => {}
            _ => return,
        }
        let Some((bytes, _)) = self.host.shared(&self.vm.keys.snapshot(place)) else { return };
        // One of another version, or half of one: the next may be better.
        let Ok(snapshot) = decode::<Snapshot>(&bytes) else { return };
        work.seen = snapshot.generation;
        let updates = updates(snapshot, &work.reported);
        self.vm.with_pool(place, |pool, _| pool.update(updates));
    }

    fn report(&mut self, now: Millis) {
        let mut report = LoadReport { at: now, pools: Vec::with_capacity(self.pools.len()) };
        let mut news = false;
        for (place, work) in self.pools.iter_mut().enumerate() {
            let loads = self.vm.with_pool(place, |pool, _| {
                let busy =
                    pool.endpoints().iter().filter(|endpoint| endpoint.in_flight.total() > 0);
                busy.map(|endpoint| EndpointLoad {
                    id: endpoint.id,
                    in_flight: endpoint.in_flight.total(),
                    fresh: endpoint.in_flight.fresh(),
                    since: endpoint.observation.as_ref().map(|observation| observation.at),
                })
                .collect::<Vec<_>>()
            });
            let loads = loads.unwrap_or_default();
            news |= loads != work.reported;
            work.reported = loads;
            report.pools.push(work.reported.clone());
        }
        let due = self.registered.is_none_or(|last| now.since(last) >= REGISTRATION_INTERVAL);
        // A report that says nothing new only shows that the worker lives.
        if news || due {
            let _ = self.host.share(&self.vm.keys.load(self.vm.token), &encode(&report), None);
        }
        if due {
            self.register();
            self.registered = Some(now);
        }
    }

    /// Puts this VM on the list of workers, if it is not there. Losing a race is fine:
    /// it tries again in a while.
    fn register(&self) {
        let key = self.vm.keys.workers();
        let (mut workers, cas) = match self.host.shared(&key) {
            Some((bytes, cas)) => (decode::<Workers>(&bytes).unwrap_or_default(), cas),
            None => (Workers::default(), None),
        };
        if !workers.tokens.contains(&self.vm.token) {
            workers.tokens.push(self.vm.token);
            let _ = self.host.share(&key, &encode(&workers), cas);
        }
    }
}

fn warn_once(host: &impl BackgroundHost, warned: &mut bool, message: impl FnOnce() -> String) {
    if !std::mem::replace(warned, true) {
        host.warn(&message());
    }
}

/// A cluster's name inside a regular expression inside a query.
fn escaped(cluster: &str) -> String {
    cluster
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
            // A backslash before all that could mean something.
            byte if byte.is_ascii() => format!("%5C%{byte:02X}"),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

fn set_gauges(
    host: &impl BackgroundHost,
    define: fn(MetricKind, &str) -> Option<MetricId>,
    work: &mut PoolWork,
    pool: &str,
    snapshot: &Snapshot,
    now: Millis,
) {
    for endpoint in &snapshot.endpoints {
        let gauges = *work
            .gauges
            .entry(endpoint.id)
            .or_insert_with(|| EndpointGauges::define(pool, endpoint.id, define));
        let set = |gauge: Option<MetricId>, value: Option<u64>| {
            if let (Some(gauge), Some(value)) = (gauge, value) {
                host.set(gauge, value);
            }
        };
        let observation = endpoint.observation.as_ref();
        set(gauges.waiting, observation.and_then(|o| o.waiting).map(u64::from));
        set(gauges.running, observation.and_then(|o| o.running).map(u64::from));
        set(gauges.kv_permille, observation.and_then(|o| o.kv_usage).map(permille));
        set(
            gauges.age_milliseconds,
            observation.map(|o| u64::try_from(now.since(o.at).as_millis()).unwrap_or(u64::MAX)),
        );
        set(gauges.in_flight, Some(endpoint.in_flight.into()));
        set(gauges.ready, Some(u64::from(endpoint.health == Health::Ready)));
    }
    // What has left shows as not ready, once; Envoy keeps its gauges.
    let left = work.gauges.iter().filter(|(id, _)| snapshot.endpoints.iter().all(|e| e.id != **id));
    for gauge in left.filter_map(|(_, gauges)| gauges.ready) {
        host.set(gauge, 0);
    }
    work.gauges.retain(|id, _| snapshot.endpoints.iter().any(|endpoint| endpoint.id == *id));
}

fn permille(share: f32) -> u64 {
    (share.clamp(0.0, 1.0) * 1_000.0) as u64
}
