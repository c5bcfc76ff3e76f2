//! Which LoRA adapters an endpoint has, as far as anybody can tell.
//!
//! A server's metric names the adapters with requests in flight, not those in its
//! memory. So what was sent where is remembered for a while: a server keeps an
//! adapter until it needs the slot.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::pools::Millis;

/// An adapter's name as a number: FNV-1a, 64 bits. Two names that collide would
/// share their affinity and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AdapterKey(u64);

impl AdapterKey {
    /// The key of a name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self(crate::hash::fnv1a(name.as_bytes()))
    }

    /// The number.
    pub(super) fn number(self) -> u64 {
        self.0
    }

    /// Stands for a name that nobody knows: the key in hexadecimal digits.
    #[must_use]
    pub fn anonymous(self) -> String {
        format!("#{:016x}", self.0)
    }

    /// One of 64 bits, for sets that may hold too much.
    pub(super) fn bit(self) -> u64 {
        1 << (self.0 % 64)
    }
}

/// The adapters of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Adapters {
    /// Slots for adapters; none if the server does not say.
    pub max: Option<u32>,
    /// With requests that run.
    pub running: Vec<AdapterKey>,
    /// With requests that wait.
    pub waiting: Vec<AdapterKey>,
    /// Reported as resident.
    pub loaded: Vec<AdapterKey>,
}

/// What this worker sent to an endpoint: adapters, latest last.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    sent: Vec<(AdapterKey, Millis)>,
}

/// The most adapters that are remembered of an endpoint. vLLM's own default for
/// `max_loras` is 1; deployments use some tens.
const MAX_REMEMBERED: usize = 64;

impl Memory {
    /// All that are remembered, however long ago they were sent.
    pub(super) fn keys(&self) -> impl Iterator<Item = AdapterKey> {
        self.sent.iter().map(|(adapter, _)| *adapter)
    }

    pub(super) fn note(&mut self, adapter: AdapterKey, now: Millis) {
        self.sent.retain(|(known, _)| *known != adapter);
        if self.sent.len() >= MAX_REMEMBERED {
            self.sent.remove(0);
        }
        self.sent.push((adapter, now));
    }

    /// Whether the adapter was sent within `horizon` and, as far as the memory
    /// goes, not pushed out by `slots` others since.
    pub(super) fn holds(
        &self,
        adapter: AdapterKey,
        slots: Option<u32>,
        now: Millis,
        horizon: Duration,
    ) -> bool {
        let slots =
            slots.map_or(MAX_REMEMBERED, |slots| usize::try_from(slots).unwrap_or(MAX_REMEMBERED));
        self.sent
            .iter()
            .rev()
            .take(slots)
            .any(|(known, at)| *known == adapter && now.since(*at) <= horizon)
    }

    /// The adapters that were sent within `horizon`, oldest first.
    pub(super) fn since(&self, now: Millis, horizon: Duration) -> impl Iterator<Item = AdapterKey> {
        self.sent.iter().filter(move |(_, at)| now.since(*at) <= horizon).map(|(key, _)| *key)
    }

    /// How many different adapters were sent within `horizon`.
    pub(super) fn recent(&self, now: Millis, horizon: Duration) -> usize {
        self.since(now, horizon).count()
    }
}
