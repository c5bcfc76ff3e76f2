//! What the VM that holds the lease does: finds the endpoints and scrapes them.
//!
//! Invariant: an endpoint's answer is taken for that endpoint or dropped; a pool whose
//! endpoints are not known is not published, since an empty pool is another thing than
//! one that nobody has looked at.

use std::time::Duration;

use filter_host::{Answer, BackgroundHost, CallId, MetricId, MetricKind};
use shared::picker::EndpointSource;
use shared::pools::{EndpointId, Millis};
use shared::refresh::{Discovered, Failure, Known, Rhythm, Targets, discover};
use shared::snapshot::Snapshot;
use shared::status::ScrapeTrouble;

use super::Moment;
use super::adapters::Adapters;
use super::gauges::Gauges;
use super::publish::{generation_after, pause};
use super::question::clusters_path;
use super::worker::Worker;
use crate::call::{Calls, Question};
use crate::scrape;
use crate::vm::Vm;

/// Between two questions to the admin interface.
const DISCOVERY_INTERVAL: Duration = Duration::from_secs(1);

/// Between two updates of the endpoints' gauges.
const GAUGE_INTERVAL: Duration = Duration::from_secs(1);

/// The holder's work.
pub(super) struct Holder {
    define: fn(MetricKind, &str) -> Option<MetricId>,
    rhythm: Rhythm,
    pools: Vec<Work>,
    calls: Calls,
    gauged: Option<Millis>,
    adapters: Adapters,
}

/// The work for one pool.
#[derive(Default)]
struct Work {
    targets: Targets,
    /// When the admin interface was asked last.
    asked: Option<Millis>,
    discovery_failed: bool,
    /// Whether the endpoints are known.
    is_found: bool,
    published: Option<Millis>,
    gauges: Gauges,
}

impl Holder {
    pub(super) fn new(vm: &Vm, define: fn(MetricKind, &str) -> Option<MetricId>) -> Self {
        let scrape = &vm.settings.scrape;
        let rhythm = Rhythm { interval: scrape.interval, timeout: scrape.timeout };
        let pools = vm.settings.pools.iter().map(|_| Work::default()).collect();
        Self {
            define,
            rhythm,
            pools,
            calls: Calls::default(),
            gauged: None,
            adapters: Adapters::default(),
        }
    }

    /// Starts from what the last holder published, so that a change of holders costs
    /// no metrics.
    pub(super) fn start<H: BackgroundHost>(&mut self, moment: &Moment<'_, H>) {
        let Moment { host, vm, now } = *moment;
        host.info("picker: this VM scrapes from now on");
        for (place, work) in self.pools.iter_mut().enumerate() {
            let Some(pool) = vm.settings.pools.get(place) else { continue };
            work.asked = None;
            let known = vm.with_pool(place, |pool, _| {
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

    /// A tick; what was published, by pool.
    pub(super) fn on_tick<H: BackgroundHost>(
        &mut self,
        moment: &Moment<'_, H>,
        worker: &Worker,
    ) -> Vec<(usize, Snapshot)> {
        self.find_endpoints(moment);
        self.scrape(moment);
        let published = self.publish(moment, worker);
        self.adapters.publish(moment);
        published
    }

    /// The answer to a call came.
    pub(super) fn on_answer<H: BackgroundHost>(
        &mut self,
        moment: &Moment<'_, H>,
        id: CallId,
        answer: &impl Answer,
    ) {
        let Some(call) = self.calls.take(id) else { return };
        match call.question {
            Question::Metrics { pool, endpoint } => {
                self.on_metrics(moment, pool, endpoint, call.asked, answer);
            }
            Question::Endpoints { pool } => self.on_endpoints(moment, pool, answer),
            Question::Models => self.adapters.on_answer(moment, answer),
        }
    }

    /// Endpoints of a pool whose scrapes fail.
    pub(super) fn scrape_trouble(&self, place: usize) -> Vec<ScrapeTrouble> {
        let targets = self.pools.get(place).map_or(&[][..], |work| work.targets.all());
        let trouble = targets.iter().filter_map(|target| {
            let (failures, last) = target.trouble()?;
            Some(ScrapeTrouble { id: target.id, failures, last })
        });
        trouble.collect()
    }

    fn find_endpoints<H: BackgroundHost>(&mut self, moment: &Moment<'_, H>) {
        let Moment { host, vm, now } = *moment;
        for (place, work) in self.pools.iter_mut().enumerate() {
            let Some(pool) = vm.settings.pools.get(place) else { continue };
            let EndpointSource::EnvoyAdmin(admin) = &pool.endpoints else { continue };
            if work.asked.is_some_and(|last| !now.has_passed(last, DISCOVERY_INTERVAL)) {
                continue;
            }
            work.asked = Some(now);
            let path = clusters_path(&pool.cluster);
            let headers =
                [(":method", "GET"), (":path", path.as_str()), (":authority", admin.as_str())];
            match host.get(admin, &headers, self.rhythm.timeout) {
                Some(id) => self.calls.note(id, Question::Endpoints { pool: place }, now),
                None => warn_once(host, &mut work.discovery_failed, || {
                    format!(
                        "picker: pool {}: cluster \"{admin}\" of Envoy's admin interface is not there",
                        pool.name
                    )
                }),
            }
        }
    }

    fn on_endpoints<H: BackgroundHost>(
        &mut self,
        moment: &Moment<'_, H>,
        place: usize,
        answer: &impl Answer,
    ) {
        let pool = moment.vm.settings.pools.get(place);
        let (Some(work), Some(pool)) = (self.pools.get_mut(place), pool) else { return };
        let mut json = Vec::new();
        if answer.status() == Some(200) {
            answer.read_body(&mut |piece| json.extend_from_slice(piece));
        }
        match discover(&json, &pool.cluster) {
            Ok(found) => {
                work.discovery_failed = false;
                work.is_found = true;
                work.targets.set(found, self.rhythm, moment.now);
            }
            // What is known stays: an admin interface that is slow empties no pool.
            Err(error) => warn_once(moment.host, &mut work.discovery_failed, || {
                format!(
                    "picker: pool {}: no endpoints from Envoy's admin interface: {error}",
                    pool.name
                )
            }),
        }
    }

    fn scrape<H: BackgroundHost>(&mut self, moment: &Moment<'_, H>) {
        let Moment { host, vm, now } = *moment;
        let settings = &vm.settings;
        let under_way: usize = self.pools.iter().map(|work| work.targets.under_way()).sum();
        let mut room = settings.scrape.concurrency.saturating_sub(under_way);
        // Another pool comes first each time, so that none starves when room is scarce.
        let count = self.pools.len();
        let turn = now.0.checked_rem(count as u64).unwrap_or(0);
        let first = usize::try_from(turn).unwrap_or(0);
        for place in (first..count).chain(0..first) {
            let (Some(work), Some(pool)) = (self.pools.get_mut(place), settings.pools.get(place))
            else {
                continue;
            };
            for id in work.targets.take_due(room, self.rhythm, now) {
                room = room.saturating_sub(1);
                let endpoint = id.to_string();
                let headers = scrape::headers(&pool.metrics_path, &endpoint);
                match host.get(&settings.scrape.cluster, &headers, self.rhythm.timeout) {
                    Some(call) => {
                        self.calls.note(call, Question::Metrics { pool: place, endpoint: id }, now);
                    }
                    None => work.targets.failed(id, Failure::NoMetrics, self.rhythm, now),
                }
            }
        }
    }

    fn on_metrics<H: BackgroundHost>(
        &mut self,
        moment: &Moment<'_, H>,
        place: usize,
        id: EndpointId,
        asked: Millis,
        answer: &impl Answer,
    ) {
        let Moment { host, vm, now } = *moment;
        let pool = vm.settings.pools.get(place);
        let (Some(work), Some(pool)) = (self.pools.get_mut(place), pool) else { return };
        let metrics = vm.metrics.pool(place);
        let counter = match scrape::read(answer, pool) {
            Ok(observation) => {
                work.targets.succeeded(id, observation, self.rhythm, now);
                if pool.learn_adapters
                    && let Some(call) = self.adapters.ask(moment, id)
                {
                    self.calls.note(call, Question::Models, now);
                }
                metrics.and_then(|metrics| metrics.scrapes)
            }
            Err(failure) => {
                work.targets.failed(id, failure, self.rhythm, now);
                metrics.and_then(|metrics| metrics.scrape_failures)
            }
        };
        counter.into_iter().for_each(|counter| host.add(counter, 1));
        if let Some(histogram) = metrics.and_then(|metrics| metrics.scrape_milliseconds) {
            let took = u64::try_from(now.since(asked).as_millis()).unwrap_or(u64::MAX);
            host.record(histogram, took);
        }
    }

    fn publish<H: BackgroundHost>(
        &mut self,
        moment: &Moment<'_, H>,
        worker: &Worker,
    ) -> Vec<(usize, Snapshot)> {
        let now = moment.now;
        // Read once, if any pool is to be published.
        let mut reports = None;
        let mut published = Vec::new();
        let gauge = self.gauged.is_none_or(|last| now.has_passed(last, GAUGE_INTERVAL));
        for (place, work) in self.pools.iter_mut().enumerate().filter(|(_, work)| work.is_found) {
            let pause = pause(work.targets.all().len());
            if !gauge && work.published.is_some_and(|last| !now.has_passed(last, pause)) {
                continue;
            }
            work.published = Some(now);
            let generation = generation_after(worker.seen(place), now);
            let reports = reports.get_or_insert_with(|| moment.reports());
            let snapshot = moment.publish(place, &work.targets, reports, generation);
            let pool = moment.vm.settings.pools.get(place).filter(|_| gauge);
            if let Some(pool) = pool {
                work.gauges.show(moment.host, self.define, &pool.name, &snapshot, now);
                moment.show_ready(place, &snapshot);
            }
            published.push((place, snapshot));
        }
        if gauge {
            self.gauged = Some(now);
        }
        published
    }
}

fn warn_once(host: &impl BackgroundHost, warned: &mut bool, message: impl FnOnce() -> String) {
    if !std::mem::replace(warned, true) {
        host.warn(&message());
    }
}
