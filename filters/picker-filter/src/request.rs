//! One request's way through the filter.

mod asked;
mod choice;
mod prefill;
mod refusal;
mod status;

use std::rc::Rc;
use std::time::Duration;

use filter_host::{Counter, Flow, StreamHost, StreamId};
use shared::picker::{DESTINATION_HEADER, PoolSettings, session_token};
use shared::pools::{EndpointId, Millis};
use shared::scheduling::{AdapterKey, Reported, Started};
use shared::server_metrics::orca;
use shared::status::Failed;

use crate::first_tokens::Awaited;
use crate::metrics::{Outcome, PoolMetrics};
use crate::vm::Vm;
use asked::Asked;
use choice::Chosen;
use prefill::Prompted;

/// Says which pool picked, and why this endpoint or why none.
const EXPLAIN_HEADER: &str = "x-gateway-picker";

/// Where the access log finds the score of the endpoint chosen.
const LOG_SCORE: &str = "igw.picker.score";

/// Where the access log finds the choice in one line.
const LOG_WHY: &str = "igw.picker.why";

/// Where the access log finds why it was chosen, or why none was.
const LOG_REASON: &str = "igw.picker.reason";

/// The state machine of one request.
#[derive(Debug)]
pub struct Request<H> {
    host: H,
    id: StreamId,
    vm: Rc<Vm>,
    sent: Option<Sent>,
    prompted: Prompted,
    /// What the response says of the choice.
    explanation: Option<String>,
}

/// A request that is on its way to an endpoint.
#[derive(Debug)]
struct Sent {
    pool: usize,
    adapter: Option<AdapterKey>,
    started: Started,
    /// When its headers came, if somebody wants to know how long it takes.
    received: Option<Millis>,
    /// Whether the histograms get it.
    measured: bool,
}

impl<H: StreamHost> Request<H> {
    /// A request whose headers have not come yet.
    pub fn new(host: H, id: StreamId, vm: Rc<Vm>) -> Self {
        Self { host, id, vm, sent: None, prompted: Prompted::No, explanation: None }
    }

    /// The headers came.
    pub fn on_headers(&mut self) -> Flow {
        // Asked before any header is touched: a change makes Envoy forget the route.
        let cluster = self.host.property(&["xds", "cluster_name"]);
        let headers = self.host.headers();
        // Only this filter may name a destination.
        if let [Some(_)] = headers.first([DESTINATION_HEADER]) {
            self.host.remove_header(DESTINATION_HEADER);
        }
        let vm = Rc::clone(&self.vm);
        let cluster = cluster.as_deref().and_then(|cluster| str::from_utf8(cluster).ok());
        let Some((place, settings)) = cluster.and_then(|name| vm.settings.pool_of(name)) else {
            // No pool's request pays for the page.
            return status::serve(&self.host, &vm, &headers);
        };
        let metrics = vm.metrics.pool(place);
        let measured = metrics.is_some_and(|metrics| metrics.sampler.take());
        let started = (vm.clock.is_due() || measured).then(|| self.host.now());
        let now = started.map_or(vm.latest(), Millis::from);
        vm.note_request(now);
        if vm.with_pool(place, |pool, _| pool.is_known()) != Some(true) {
            // Envoy balances it.
            vm.record(|book| book.passed(place, Outcome::NotKnownYet.label()));
            self.note(metrics, Outcome::NotKnownYet, None);
            return Flow::Continue;
        }
        let asked = Asked::of(&self.host, &headers, &vm.settings);
        let told = vm.settings.explain_for.as_ref();
        let told =
            told.is_some_and(|required| required.is_met_by(headers.first([&required.name])[0]));
        let recorded = vm.settings.status.is_some();
        let chosen = vm.with_pool(place, |pool, random| {
            let parts = recorded || told;
            let chosen = Chosen::from(pool, settings, &asked, parts, now, random);
            if let Ok(chosen) = &chosen {
                let adapter = asked.adapter;
                let received = (measured || recorded).then_some(now);
                if let Some(prompt) = asked.prompt() {
                    let prefill = pool.start_prompt(chosen.first, &prompt, adapter, now);
                    if let Some(prefill) = prefill.filter(|_| settings.profile.wants_speed()) {
                        let streams = asked.facts.as_ref().is_some_and(|facts| facts.stream);
                        let prompt = Awaited { stream: self.id, pool: place, prefill };
                        self.prompted = Prompted::Sent { prompt, streams };
                    }
                }
                self.sent = pool.start(chosen.first, adapter, now).map(|started| Sent {
                    pool: place,
                    adapter,
                    started,
                    received,
                    measured,
                });
            }
            chosen
        });
        let mut chosen = match chosen {
            None => return Flow::Continue,
            Some(Ok(chosen)) => chosen,
            Some(Err(refusal)) => {
                refusal.answer(&self.host, settings);
                if recorded {
                    let (outcome, nobody) = (refusal.outcome(), Vec::new());
                    let decision = asked.decision(&headers, now, place, outcome, None, nobody);
                    vm.record(|book| book.decided(decision));
                }
                self.note(metrics, refusal.outcome(), None);
                return Flow::Hold;
            }
        };
        chosen.prepare_retries(&vm, settings, &asked, now);
        self.host.set_header(DESTINATION_HEADER, chosen.destination.as_bytes());
        if settings.orca {
            self.host.set_header(orca::FORMAT_HEADER, orca::FORMAT.as_bytes());
        }
        self.explanation = if told {
            Some(chosen.full_explanation(settings, asked.facts.as_ref()))
        } else {
            let explain = vm.settings.explain;
            explain.then(|| chosen.explanation(&settings.name, asked.facts.as_ref()))
        };
        if vm.settings.access_log {
            self.host.keep(LOG_WHY, chosen.line().as_bytes());
        }
        if recorded {
            let candidates = std::mem::take(&mut chosen.candidates);
            let (outcome, saturation) = (chosen.outcome, Some(chosen.saturation));
            let decision = asked.decision(&headers, now, place, outcome, saturation, candidates);
            vm.record(|book| book.decided(decision));
        }
        self.note(metrics, chosen.outcome, Some(chosen.score));
        let histogram = metrics.filter(|_| measured).and_then(|metrics| metrics.pick_microseconds);
        if let (Some(histogram), Some(started)) = (histogram, started) {
            let took = self.host.now().saturating_sub(started);
            self.host.record(histogram, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
        Flow::Continue
    }

    /// The response's headers came.
    pub fn on_response_headers(&mut self) {
        let Some(sent) = self.sent.take() else { return };
        let vm = Rc::clone(&self.vm);
        let (received, measured) = (sent.received, sent.measured);
        // A tick ago is near enough, but not for what is measured.
        let now = if received.is_some() { Millis::from(self.host.now()) } else { vm.latest() };
        let status = self.host.response_header(":status").unwrap_or_default();
        let failed = status.starts_with(b"5");
        let wanted = failed || self.wants_origin(sent.pool, now);
        let served = if wanted { self.served() } else { None };
        self.await_first_token(status == b"200", served, sent.started.endpoint);
        let served = served.unwrap_or(sent.started.endpoint);
        let pool = pool_of(&vm, sent.pool, served);
        if let Some(received) = received.filter(|_| vm.settings.status.is_some()) {
            let outcome = if failed { Err(Failed) } else { Ok(now.since(received)) };
            vm.record(|book| book.answered(pool, served, outcome, now));
        }
        let strayed = served != sent.started.endpoint;
        if strayed {
            vm.note_stray(now);
        }
        let skipped = strayed && self.attempts() == Some(1);
        self.sent = moved(sent, &vm, pool, served, skipped, now);
        if failed {
            vm.with_pool(pool, |known, _| known.note_failure(served, now, half_life(&vm, pool)));
        }
        if vm.settings.pools.get(pool).is_some_and(|settings| settings.orca) {
            self.take_report(pool, served, now);
        }
        if let Some(metrics) = vm.metrics.pool(pool) {
            if failed {
                metrics.failures.iter().for_each(Counter::count);
            }
            let histogram = metrics.first_byte_milliseconds.filter(|_| measured);
            if let (Some(histogram), Some(received)) = (histogram, received) {
                let took = u64::try_from(now.since(received).as_millis()).unwrap_or(u64::MAX);
                self.host.record(histogram, took);
            }
        }
        if let Some(header) = &vm.settings.session_header {
            self.host.set_response_header(header, session_token(served).as_bytes());
        }
        if let Some(explanation) = &self.explanation {
            self.host.set_response_header(EXPLAIN_HEADER, explanation.as_bytes());
        }
    }

    /// The request is over, for whatever reason. Counts it down once.
    pub fn on_done(&mut self) {
        self.end_watch();
        if let Some(sent) = self.sent.take() {
            self.vm.with_pool(sent.pool, |pool, _| pool.end(sent.started, self.vm.latest()));
        }
    }

    /// Reads the report in the response, and keeps it from the client: it is about the
    /// server, not about the request.
    fn take_report(&self, pool: usize, served: EndpointId, now: Millis) {
        let Some(header) = self.host.response_header(orca::HEADER) else { return };
        self.host.remove_response_header(orca::HEADER);
        if let Some(metrics) = orca::read(&header) {
            let (waiting, kv_usage) = (metrics.waiting, metrics.kv_usage);
            let reported = Reported { at: now, waiting, kv_usage };
            self.vm.with_pool(pool, |pool, _| pool.report(served, reported, now));
        }
    }

    /// Whether the endpoint that answered has to be known, even where it did not fail.
    fn wants_origin(&self, pool: usize, now: Millis) -> bool {
        let settings = &self.vm.settings;
        settings.session_header.is_some()
            || settings.pools.get(pool).is_none_or(|pool| pool.orca)
            || matches!(self.prompted, Prompted::Sent { .. })
            || self.vm.wants_origin(now)
    }

    /// The endpoint that answered.
    fn served(&self) -> Option<EndpointId> {
        let address = self.host.property(&["upstream", "address"])?;
        str::from_utf8(&address).ok()?.parse().ok()
    }

    /// How often Envoy sent the request.
    fn attempts(&self) -> Option<u64> {
        self.host.number(&["upstream", "request_attempt_count"])
    }

    /// Counts what became of the request, and keeps it for the access log.
    fn note(&self, metrics: Option<&PoolMetrics>, outcome: Outcome, score: Option<f32>) {
        metrics.into_iter().for_each(|metrics| metrics.count(outcome));
        if self.vm.settings.access_log {
            self.host.keep(LOG_REASON, outcome.label().as_bytes());
            if let Some(score) = score {
                self.host.keep(LOG_SCORE, format!("{score:.3}").as_bytes());
            }
        }
    }
}

/// The pool of the endpoint that served a request to the pool at this place.
fn pool_of(vm: &Vm, place: usize, served: EndpointId) -> usize {
    let is_in = |place: usize| vm.with_pool(place, |pool, _| pool.get(served).is_some());
    let settings: Option<&PoolSettings> = vm.settings.pools.get(place);
    let others = settings.map_or(&[][..], |settings| &settings.retry_pools);
    if others.is_empty() || is_in(place) == Some(true) {
        return place;
    }
    others.iter().copied().find(|other| is_in(*other) == Some(true)).unwrap_or(place)
}

/// The request, counted where it was served. Where it was sent and not served it failed,
/// unless Envoy skipped that one: it knows it no longer, or not yet, and never tried.
fn moved(
    sent: Sent,
    vm: &Vm,
    pool: usize,
    served: EndpointId,
    skipped: bool,
    now: Millis,
) -> Option<Sent> {
    let first = sent.started.endpoint;
    if first == served {
        return Some(sent);
    }
    vm.with_pool(sent.pool, |known, _| {
        if !skipped {
            known.note_failure(first, now, half_life(vm, sent.pool));
            vm.record(|book| book.answered(sent.pool, first, Err(Failed), now));
        }
        known.end(sent.started, now);
    });
    let started = vm.with_pool(pool, |known, _| known.start(served, sent.adapter, now))??;
    Some(Sent { pool, started, ..sent })
}

fn half_life(vm: &Vm, place: usize) -> Duration {
    vm.settings.pools.get(place).map_or(Duration::ZERO, |pool| pool.profile.trouble_half_life)
}
