//! One request's way through the filter.

use std::rc::Rc;
use std::time::Duration;

use filter_host::{Counter, Flow, StreamHost};
use shared::bbr::{BASE_MODEL_HEADER, MODEL_HEADER};
use shared::openai::{ErrorObject, ErrorType};
use shared::picker::{
    Admission, DESTINATION_HEADER, OBJECTIVE_HEADERS, PoolSettings, SUBSET_HEADER, parse_subset,
    session_endpoint, session_token,
};
use shared::pools::{EndpointId, Millis};
use shared::scheduling::{AdapterKey, NoEndpoint, PickRequest, Pool, Started, Why};

use crate::metrics::{Outcome, PoolMetrics};
use crate::vm::Vm;

/// Says which pool picked, and why this endpoint or why none.
const EXPLAIN_HEADER: &str = "x-gateway-picker";

/// Seconds after which a request that was shed may come again.
const RETRY_AFTER: &str = "1";

/// The state machine of one request.
#[derive(Debug)]
pub struct Request<H> {
    host: H,
    vm: Rc<Vm>,
    sent: Option<Sent>,
    /// What the response says of the choice.
    explanation: Option<String>,
}

/// A request that is on its way to an endpoint.
#[derive(Debug)]
struct Sent {
    pool: usize,
    adapter: Option<AdapterKey>,
    started: Started,
    /// When its headers came, if this request is measured.
    received: Option<Millis>,
}

/// What was chosen.
struct Chosen {
    first: EndpointId,
    destination: String,
    outcome: Outcome,
    explanation: Option<String>,
}

/// Why nothing was.
enum Refusal {
    NotKnownYet,
    Shed,
    NoEndpoint(NoEndpoint),
}

impl<H: StreamHost> Request<H> {
    /// A request whose headers have not come yet.
    pub fn new(host: H, vm: Rc<Vm>) -> Self {
        Self { host, vm, sent: None, explanation: None }
    }

    /// The headers came.
    pub fn on_headers(&mut self) -> Flow {
        // Asked before any header is touched: a change makes Envoy forget the route.
        let cluster = self.host.property(&["xds", "cluster_name"]);
        // Only this filter may name a destination.
        self.host.remove_header(DESTINATION_HEADER);
        let vm = Rc::clone(&self.vm);
        let Some(cluster) = cluster else { return Flow::Continue };
        let pool = str::from_utf8(&cluster).ok().and_then(|cluster| vm.settings.pool_of(cluster));
        let Some((place, settings)) = pool else { return Flow::Continue };
        let started = self.host.now();
        let now = Millis::from(started);
        let metrics = vm.metrics.pool(place);
        let measured = metrics.is_some_and(|metrics| metrics.sampler.take());
        vm.note_request(now);
        let adapter = self.adapter();
        let chosen = vm.with_pool(place, |pool, random| {
            let chosen = self.choose(pool, settings, adapter, now, random);
            if let Ok(chosen) = &chosen {
                self.sent = pool.start(chosen.first, adapter, now).map(|started| Sent {
                    pool: place,
                    adapter,
                    started,
                    received: measured.then_some(now),
                });
            }
            chosen
        });
        let outcome = match chosen {
            None => return Flow::Continue,
            Some(Ok(chosen)) => {
                self.host.set_header(DESTINATION_HEADER, chosen.destination.as_bytes());
                self.explanation = chosen.explanation;
                chosen.outcome
            }
            Some(Err(Refusal::NotKnownYet)) => Outcome::NotKnownYet,
            Some(Err(refusal)) => {
                let outcome = self.refuse(&refusal, settings);
                Self::count(metrics, outcome);
                return Flow::Hold;
            }
        };
        Self::count(metrics, outcome);
        if let Some(histogram) =
            metrics.filter(|_| measured).and_then(|metrics| metrics.pick_microseconds)
        {
            let took = self.host.now().saturating_sub(started);
            self.host.record(histogram, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
        Flow::Continue
    }

    /// The response's headers came.
    pub fn on_response_headers(&mut self) {
        let Some(Sent { pool: place, adapter, started, received }) = self.sent.take() else {
            return;
        };
        let vm = Rc::clone(&self.vm);
        let now = Millis::from(self.host.now());
        let served = self.served().unwrap_or(started.endpoint);
        let failed =
            self.host.response_header(":status").is_some_and(|status| status.starts_with(b"5"));
        let half_life = half_life(&vm, place);
        let started = vm.with_pool(place, |pool, _| {
            let mut started = Some(started);
            if let Some(first) = started.filter(|first| first.endpoint != served) {
                // Envoy had to go on to another one.
                pool.note_failure(first.endpoint, now, half_life);
                pool.end(first);
                started = pool.start(served, adapter, now);
            }
            if failed {
                pool.note_failure(served, now, half_life);
            }
            started
        });
        self.sent =
            started.flatten().map(|started| Sent { pool: place, adapter, started, received });
        if let Some(metrics) = vm.metrics.pool(place) {
            if failed {
                metrics.failures.iter().for_each(Counter::count);
            }
            if let (Some(histogram), Some(received)) = (metrics.first_byte_milliseconds, received) {
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
        if let Some(sent) = self.sent.take() {
            self.vm.with_pool(sent.pool, |pool, _| pool.end(sent.started));
        }
    }

    fn choose(
        &self,
        pool: &mut Pool,
        settings: &PoolSettings,
        adapter: Option<AdapterKey>,
        now: Millis,
        random: &mut shared::random::Random,
    ) -> Result<Chosen, Refusal> {
        if !pool.is_known() {
            return Err(Refusal::NotKnownYet);
        }
        let subset = self.subset();
        let session = self.vm.settings.session_header.as_ref();
        let session = session.and_then(|name| session_endpoint(&self.host.header(name)?));
        let request = PickRequest { adapter, subset: subset.as_deref(), session };
        let profile = &settings.profile;
        let pick = match pool.pick(&request, profile, now, random) {
            Err(NoEndpoint::NoneReady) if settings.fail_open => {
                pool.pick_any(&request, profile, random)
            }
            pick => pick,
        }
        .map_err(Refusal::NoEndpoint)?;
        if self.priority().admit(pick.saturation) == Admission::Shed {
            return Err(Refusal::Shed);
        }
        let ranked = pick.ranked();
        let endpoints = || ranked.iter().filter_map(|choice| pool.endpoints().get(choice.place));
        let first = endpoints().next().ok_or(Refusal::NoEndpoint(NoEndpoint::EmptyPool))?.id;
        let mut destination = String::with_capacity(ranked.len() * 24);
        for endpoint in endpoints() {
            if !destination.is_empty() {
                destination.push(',');
            }
            destination.push_str(&endpoint.text);
        }
        let outcome = match pick.why {
            Why::Scores => Outcome::Picked,
            Why::NoFreshMetrics => Outcome::PickedBlind,
            Why::NothingReady => Outcome::FailedOpen,
        };
        let explanation = self.vm.settings.explain.then(|| {
            let score = ranked.first().map_or(0.0, |choice| choice.score);
            let (pool, why) = (&settings.name, outcome.label());
            format!("pool={pool}; why={why}; score={score:.3}; saturation={:.2}; candidates={destination}", pick.saturation)
        });
        Ok(Chosen { first, destination, outcome, explanation })
    }

    /// The adapter asked for: the model, if BBR found that it is not its own base.
    fn adapter(&self) -> Option<AdapterKey> {
        let model = self.host.header(MODEL_HEADER)?;
        let base = self.host.header(BASE_MODEL_HEADER)?;
        if model == base { None } else { Some(AdapterKey::of(str::from_utf8(&model).ok()?)) }
    }

    fn subset(&self) -> Option<Vec<EndpointId>> {
        let hint = self.host.property(&[
            "metadata",
            "filter_metadata",
            "envoy.lb.subset_hint",
            SUBSET_HEADER,
        ]);
        hint.or_else(|| self.host.header(SUBSET_HEADER)).map(|hint| parse_subset(&hint))
    }

    fn priority(&self) -> shared::picker::Priority {
        let settings = &self.vm.settings;
        let text = |value: Vec<u8>| String::from_utf8(value).ok();
        let objective = (!settings.objectives.is_empty())
            .then(|| OBJECTIVE_HEADERS.iter().find_map(|name| self.host.header(name)))
            .flatten()
            .and_then(text);
        let model = (!settings.models.is_empty()).then(|| self.host.header(MODEL_HEADER)).flatten();
        settings.priority(objective.as_deref(), model.and_then(text).as_deref())
    }

    /// The endpoint that answered.
    fn served(&self) -> Option<EndpointId> {
        let address = self.host.property(&["upstream", "address"])?;
        str::from_utf8(&address).ok()?.parse().ok()
    }

    fn refuse(&self, refusal: &Refusal, settings: &PoolSettings) -> Outcome {
        let (status, outcome, message, code) = match refusal {
            // Never refused; see `on_headers`.
            Refusal::NotKnownYet => return Outcome::NotKnownYet,
            Refusal::Shed => (
                429,
                Outcome::Shed,
                "The model is overloaded; requests of this priority are refused for now."
                    .to_owned(),
                "overloaded",
            ),
            Refusal::NoEndpoint(why) => (
                503,
                Outcome::NoEndpoint,
                format!("The model cannot be served now: {why}."),
                "no_endpoint",
            ),
        };
        let kind = ErrorType::ServerError;
        let error = ErrorObject { message, kind, param: None, code };
        let explanation = format!("pool={}; why={}", settings.name, outcome.label());
        let mut headers = vec![(EXPLAIN_HEADER, explanation.as_str())];
        if status == 429 {
            headers.push(("retry-after", RETRY_AFTER));
        }
        self.host.respond(status, &headers, &error.to_json());
        outcome
    }

    fn count(metrics: Option<&PoolMetrics>, outcome: Outcome) {
        metrics.into_iter().for_each(|metrics| metrics.count(outcome));
    }
}

fn half_life(vm: &Vm, place: usize) -> Duration {
    vm.settings.pools.get(place).map_or(Duration::ZERO, |pool| pool.profile.trouble_half_life)
}
