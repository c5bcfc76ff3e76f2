//! What a pick reads of an endpoint, in one place and in the form it is needed in.
//!
//! Invariant: a row says what its endpoint said when it last changed; everything that
//! changes an endpoint goes through [`Pool`](super::Pool), which writes the row anew.
//! Rejected: reading the endpoints themselves. Each lies across several cache lines, and
//! the same conversions would be made for every endpoint on every pick.

use super::adapters::AdapterKey;
use super::endpoint::{Endpoint, Health, Observation};
use super::load::work;
use super::scorer::UNKNOWN;
use crate::pools::Millis;

/// One endpoint's part in picks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// When its metrics were seen; none if never.
    pub(super) seen_at: Option<Millis>,
    pub(super) ready: bool,
    /// Whether it failed lately.
    pub(super) troubled: bool,
    pub(super) slots: Slots,
    /// Work there, in running requests, by the metrics and what was sent since.
    seen: f32,
    /// The same by this gateway's own count.
    own: f32,
    /// Saturation by the metrics.
    saturation: f32,
    /// Requests waiting and running; NaN if the server does not say.
    pub(super) waiting: f32,
    pub(super) running: f32,
    /// The KV cache's score.
    pub(super) kv_score: f32,
    /// One bit for each adapter that may be there.
    adapters: u64,
}

/// Whether a slot for another adapter is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slots {
    /// Whatever the time is.
    Free,
    /// Whatever the time is.
    Taken,
    /// It depends on how long ago adapters were sent there.
    Depends,
}

impl Row {
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        let observation = endpoint.observation.as_ref();
        let own = endpoint.total_in_flight() as f32;
        let metric = |value: Option<u32>| value.map_or(f32::NAN, |value| value as f32);
        let waiting = observation.and_then(|o| o.waiting);
        let running = observation.and_then(|o| o.running);
        let seen = waiting.map_or(own, |waiting| {
            let (sent, over) = (endpoint.assumed(), endpoint.over());
            work(waiting, running.unwrap_or(0), sent, over, endpoint.capacity)
        });
        let kv_score = match observation.and_then(|o| o.kv_usage) {
            None => UNKNOWN,
            Some(usage) if usage.is_nan() => 0.0,
            Some(usage) => (1.0 - usage).clamp(0.0, 1.0),
        };
        Self {
            seen_at: observation.map(Observation::seen_at),
            ready: endpoint.health == Health::Ready,
            troubled: endpoint.trouble.is_remembered(),
            slots: Slots::of(endpoint),
            seen,
            own,
            saturation: endpoint.saturation(1.0),
            waiting: metric(waiting),
            running: metric(running),
            kv_score,
            adapters: adapters(endpoint),
        }
    }

    /// What an endpoint has to do before a request sent now gets its turn, in running
    /// requests: seen by the scrape as far as that is trusted, else known from what this
    /// gateway has there itself.
    pub(super) fn load(&self, trust: f32) -> f32 {
        self.seen * trust + self.own * (1.0 - trust)
    }

    /// As [`Endpoint::saturation`].
    pub(super) fn saturation(&self, trust: f32) -> f32 {
        if trust > 0.0 { self.saturation } else { 1.0 }
    }

    /// Whether the adapter may be there; if not, it is not.
    pub(super) fn may_have(&self, adapter: AdapterKey) -> bool {
        self.adapters & adapter.bit() != 0
    }
}

impl Slots {
    fn of(endpoint: &Endpoint) -> Self {
        let adapters = endpoint.observation.as_ref().map(|observation| &observation.adapters);
        let Some((adapters, max)) = adapters.and_then(|a| Some((a, a.max?))) else {
            return Self::Free;
        };
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let active = adapters.running.len().saturating_add(adapters.waiting.len());
        if active >= max {
            Self::Taken
        } else if endpoint.memory.keys().count() < max {
            Self::Free
        } else {
            Self::Depends
        }
    }
}

fn adapters(endpoint: &Endpoint) -> u64 {
    let reported = endpoint.observation.iter().flat_map(|observation| {
        let adapters = &observation.adapters;
        adapters.running.iter().chain(&adapters.waiting).chain(&adapters.loaded).copied()
    });
    reported.chain(endpoint.memory.keys()).fold(0, |bits, adapter| bits | adapter.bit())
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::pools::EndpointId;
    use crate::scheduling::Adapters;

    fn id(n: u16) -> EndpointId {
        EndpointId::from(std::net::SocketAddr::from(([10, 0, 0, 1], 8000 + n)))
    }

    fn holding(max: u32, running: &[&str]) -> Adapters {
        let running = running.iter().map(|name| AdapterKey::of(name)).collect();
        Adapters { max: Some(max), running, ..Adapters::default() }
    }

    #[test]
    fn load_is_what_the_metrics_say_as_far_as_they_are_trusted() {
        let mut endpoint = Endpoint::new(id(0));
        endpoint.others_in_flight = 4;
        endpoint.others_fresh = 2;
        assert_eq!(Row::of(&endpoint).load(1.0), 4.0, "without metrics, its own count");
        let waiting = |n| Observation { waiting: Some(n), running: Some(5), ..Default::default() };
        endpoint.observation = Some(waiting(0));
        assert_eq!(Row::of(&endpoint).load(1.0), 5.0 + 2.0);
        endpoint.observation = Some(waiting(1));
        let row = Row::of(&endpoint);
        assert_eq!((row.load(1.0), row.load(0.0)), (3.0 + 5.0 + 2.0 * 3.0, 4.0));
        assert_eq!(row.load(0.5), 9.0);
    }

    #[test]
    fn slots_depend_on_the_time_only_while_remembered_adapters_could_fill_them() {
        let mut endpoint = Endpoint::new(id(0));
        assert_eq!(Row::of(&endpoint).slots, Slots::Free, "it does not say");
        let adapters = holding(2, &["a"]);
        endpoint.observation = Some(Observation { adapters, ..Observation::default() });
        assert_eq!(Row::of(&endpoint).slots, Slots::Free);
        endpoint.memory.note(AdapterKey::of("b"), Millis(1));
        assert_eq!(Row::of(&endpoint).slots, Slots::Free, "one remembered, two slots");
        endpoint.memory.note(AdapterKey::of("c"), Millis(1));
        assert_eq!(Row::of(&endpoint).slots, Slots::Depends);
        let adapters = holding(2, &["a", "b"]);
        endpoint.observation = Some(Observation { adapters, ..Observation::default() });
        assert_eq!(Row::of(&endpoint).slots, Slots::Taken);
    }
}
