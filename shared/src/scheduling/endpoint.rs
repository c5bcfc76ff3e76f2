//! What a worker knows of one endpoint.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::adapters::{AdapterKey, Adapters, Memory};
use super::load::InFlight;
use super::prefix::Backlog;
use super::profile::Fading;
use super::trouble::Trouble;
use crate::pools::{EndpointId, Millis};

/// Whether an endpoint may get requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Health {
    /// It may.
    #[default]
    Ready,
    /// Envoy's health checks, outlier detection or discovery say no.
    Unhealthy,
    /// It does not answer scrapes: several in a row failed to connect.
    Dead,
}

/// What a scrape saw. A value the server does not report is missing, and degrades
/// the scorers that need it, no other.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Observation {
    /// When the scrape was asked for; 0 if there was none.
    pub at: Millis,
    /// When a response last reported its server's load since then.
    pub reported: Option<Millis>,
    /// Whether the numbers are those of several engines of one server.
    pub several_engines: bool,
    /// Requests that wait.
    pub waiting: Option<u32>,
    /// Requests that run.
    pub running: Option<u32>,
    /// Share of the KV cache in use, 0 to 1.
    pub kv_usage: Option<f32>,
    /// LoRA adapters.
    pub adapters: Adapters,
    /// Tokens that its KV cache holds.
    pub cache_tokens: Option<u32>,
}

impl Observation {
    /// When its server was last heard of, by a scrape or a report.
    #[must_use]
    pub fn seen_at(&self) -> Millis {
        self.reported.map_or(self.at, |reported| reported.max(self.at))
    }
}

/// One endpoint, as one worker sees it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its identity.
    pub id: EndpointId,
    /// Its identity as text, written once: it goes into a header on each pick.
    pub text: String,
    /// Whether it may get requests.
    pub health: Health,
    /// The last scrape; none before the first.
    pub observation: Option<Observation>,
    /// This worker's requests there.
    pub in_flight: InFlight,
    /// Other workers' requests there, as of the last snapshot.
    pub others_in_flight: u32,
    /// Those of them that the last scrape cannot have seen.
    pub others_fresh: u32,
    /// Other workers' requests that the last scrape has seen and that are over.
    pub others_over: u32,
    /// Requests that it can run at once, as far as it was ever seen full.
    pub(super) capacity: Option<u32>,
    /// Recent failures.
    pub trouble: Trouble,
    /// Requests this worker sent there, ever.
    pub picks: u64,
    pub(super) memory: Memory,
    /// Its identity as a number, for rendezvous hashing.
    pub(super) key: u64,
    /// The size of its KV cache; only what it is beside the others' counts.
    pub(super) cache: f32,
    /// Prompt tokens that this worker sent there and that wait to be computed.
    pub(super) backlog: Backlog,
}

impl Endpoint {
    /// An endpoint of which nothing is known.
    #[must_use]
    pub fn new(id: EndpointId) -> Self {
        let text = id.to_string();
        Self {
            id,
            key: crate::random::Random::new(crate::hash::fnv1a(text.as_bytes())).next_u64(),
            text,
            cache: 1.0,
            health: Health::Ready,
            observation: None,
            in_flight: InFlight::default(),
            others_in_flight: 0,
            others_fresh: 0,
            others_over: 0,
            capacity: None,
            trouble: Trouble::default(),
            picks: 0,
            memory: Memory::default(),
            backlog: Backlog::default(),
        }
    }

    /// Requests of this gateway that are at the endpoint.
    #[must_use]
    pub fn total_in_flight(&self) -> u32 {
        self.in_flight.total().saturating_add(self.others_in_flight)
    }

    /// Requests sent since the last scrape and not over.
    #[must_use]
    pub fn assumed(&self) -> u32 {
        self.in_flight.fresh().saturating_add(self.others_fresh)
    }

    /// Requests of this gateway that the last scrape has seen and that are over.
    #[must_use]
    pub fn over(&self) -> u32 {
        self.in_flight.over().saturating_add(self.others_over)
    }

    /// Takes over what a snapshot says was observed.
    pub(super) fn observe(&mut self, observation: Option<Observation>) {
        if let Some(observation) = &observation {
            self.in_flight.observed(observation.at);
            // What runs while others wait is all that can. A report has no number that run.
            if let (Some(waiting), Some(running), None) =
                (observation.waiting, observation.running, observation.reported)
            {
                let is_full = waiting > 0;
                self.capacity = match self.capacity {
                    Some(capacity) if !is_full => Some(capacity.max(running)),
                    capacity => {
                        if is_full {
                            Some(running)
                        } else {
                            capacity
                        }
                    }
                };
            }
        }
        self.observation = observation;
    }

    /// How far the metrics can be trusted: 1 while fresh, 0 when stale or absent.
    #[must_use]
    pub fn trust(&self, now: Millis, fading: &Fading) -> f32 {
        fading.trust(self.observation.as_ref().map(Observation::seen_at), now)
    }

    /// The reference's saturation of one endpoint: the fuller of queue (of 5) and KV
    /// cache (of 0.8). Without fresh metrics it counts as full.
    #[must_use]
    pub(super) fn saturation(&self, trust: f32) -> f32 {
        const QUEUE_THRESHOLD: f32 = 5.0;
        const KV_THRESHOLD: f32 = 0.8;
        let Some(observation) = self.observation.as_ref().filter(|_| trust > 0.0) else {
            return 1.0;
        };
        let queue = observation.waiting.map_or(0.0, |waiting| waiting as f32 / QUEUE_THRESHOLD);
        let kv = observation.kv_usage.map_or(0.0, |usage| usage / KV_THRESHOLD);
        queue.max(kv)
    }

    /// Whether the adapter is there: running or waiting now, reported as resident,
    /// or sent there lately and not pushed out since.
    pub(super) fn has_adapter(&self, adapter: AdapterKey, now: Millis, horizon: Duration) -> bool {
        let adapters = self.observation.as_ref().map(|observation| &observation.adapters);
        adapters.is_some_and(|adapters| {
            [&adapters.running, &adapters.waiting, &adapters.loaded]
                .iter()
                .any(|known| known.contains(&adapter))
        }) || self.remembers(adapter, now, horizon)
    }

    /// Whether the adapter was sent there and may be there still. It is not if others
    /// that run took all slots since.
    fn remembers(&self, adapter: AdapterKey, now: Millis, horizon: Duration) -> bool {
        let Some(observation) = &self.observation else {
            return self.memory.holds(adapter, None, now, horizon);
        };
        let Adapters { max, running, .. } = &observation.adapters;
        let taken =
            max.is_some_and(|max| running.len() >= usize::try_from(max).unwrap_or(usize::MAX));
        let since = if taken { now.since(observation.at).min(horizon) } else { horizon };
        self.memory.holds(adapter, *max, now, since)
    }

    /// Adapters that this worker sent there within `horizon`, oldest first.
    #[must_use]
    pub fn remembered(&self, now: Millis, horizon: Duration) -> Vec<AdapterKey> {
        self.memory.since(now, horizon).collect()
    }

    /// Whether a slot for another adapter is free.
    pub(super) fn has_free_slot(&self, now: Millis, horizon: Duration) -> bool {
        let Some(observation) = &self.observation else { return true };
        let Some(max) = observation.adapters.max else { return true };
        let adapters = &observation.adapters;
        let active = adapters.running.len().saturating_add(adapters.waiting.len());
        active.max(self.memory.recent(now, horizon)) < usize::try_from(max).unwrap_or(usize::MAX)
    }
}
