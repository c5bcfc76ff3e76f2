//! Scorers: each looks at one thing and says 0 (worst) to 1 (best).
//!
//! The reference's scorers keep its names and formulas (Gateway API Inference
//! Extension v1.5); what is named otherwise is this project's own.

use std::time::Duration;

use super::adapters::AdapterKey;
use super::endpoint::Endpoint;
use crate::pools::{EndpointId, Millis};

macro_rules! scorers {
    ($($(#[$doc:meta])* $variant:ident => $name:literal,)+) => {
        /// A scorer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Scorer {
            $($(#[$doc])* $variant,)+
        }

        impl Scorer {
            /// All scorers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name in configurations.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The scorer of this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|scorer| scorer.name() == name)
            }
        }
    };
}

scorers! {
    /// The reference's: fewest requests waiting, by the last scrape.
    Queue => "queue-scorer",
    /// The reference's: fewest requests running, by the last scrape.
    Running => "running-requests-size-scorer",
    /// The reference's: free share of the KV cache.
    KvCache => "kv-cache-utilization-scorer",
    /// The reference's: adapter active 1, free slot 0.8, waiting 0.6, else 0.
    LoraAffinity => "lora-affinity-scorer",
    /// Least expected wait: what the last scrape saw, and what was sent since.
    Load => "load-scorer",
    /// Adapter affinity with memory: there or lately sent there 1, free slot 0.5, else 0.
    Adapter => "adapter-scorer",
    /// The endpoint that the client's session token names, while it is not saturated.
    Session => "session-affinity-scorer",
}

/// What all candidates of one pick have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    pub(super) now: Millis,
    pub(super) adapter: Option<AdapterKey>,
    pub(super) session: Option<EndpointId>,
    pub(super) adapter_memory: Duration,
    pub(super) waiting: Range,
    pub(super) running: Range,
    pub(super) load: Range,
}

/// The smallest and the largest value among the candidates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    min: f32,
    max: f32,
}

impl Range {
    pub(super) const EMPTY: Self = Self { min: f32::INFINITY, max: f32::NEG_INFINITY };

    pub(super) fn add(&mut self, value: f32) {
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// The reference's formula: 1 at the smallest, 0 at the largest, 1 if all are equal.
    fn lowest_is_best(&self, value: f32) -> f32 {
        if self.max > self.min { (self.max - value) / (self.max - self.min) } else { 1.0 }
    }

    /// The same, but small differences stay small: below `span` apart, two values
    /// are not stretched over the whole scale.
    fn lowest_is_best_over(&self, value: f32, span: f32) -> f32 {
        1.0 - (value - self.min) / (self.max - self.min).max(span)
    }
}

/// A score for what a server does not report: neither good nor bad.
const UNKNOWN: f32 = 0.5;

/// Waiting requests weigh more than running ones: a waiting request costs its
/// whole turn, a running one shares the batch.
const WAITING_WEIGHT: f32 = 3.0;

/// Loads that differ by less than this are nearly the same. 8 is about the batch
/// at which a server's time per token begins to grow.
const LOAD_SPAN: f32 = 8.0;

/// What an endpoint has to do before a request sent now gets its turn, in running
/// requests: seen by the scrape as far as that is trusted, else known from what
/// this gateway has there itself.
pub(super) fn expected_load(endpoint: &Endpoint, trust: f32) -> f32 {
    let own = endpoint.total_in_flight() as f32;
    let Some(observation) = &endpoint.observation else { return own };
    let (Some(waiting), running) = (observation.waiting, observation.running.unwrap_or(0)) else {
        return own;
    };
    // While some wait already, a new one waits too; else it runs at once.
    let assumed = endpoint.assumed() as f32 * if waiting > 0 { WAITING_WEIGHT } else { 1.0 };
    let seen = waiting as f32 * WAITING_WEIGHT + running as f32 + assumed;
    seen * trust + own * (1.0 - trust)
}

impl Scorer {
    pub(super) fn score(
        self,
        endpoint: &Endpoint,
        load: f32,
        trust: f32,
        context: &Context,
    ) -> f32 {
        let observation = endpoint.observation.as_ref();
        let score = match self {
            Self::Queue => observation
                .and_then(|o| o.waiting)
                .map_or(UNKNOWN, |waiting| context.waiting.lowest_is_best(waiting as f32)),
            Self::Running => observation
                .and_then(|o| o.running)
                .map_or(UNKNOWN, |running| context.running.lowest_is_best(running as f32)),
            Self::KvCache => {
                observation.and_then(|o| o.kv_usage).map_or(UNKNOWN, |usage| 1.0 - usage)
            }
            Self::LoraAffinity => lora_affinity(endpoint, context),
            Self::Load => context.load.lowest_is_best_over(load, LOAD_SPAN),
            Self::Adapter => adapter(endpoint, context),
            Self::Session => {
                let named = context.session == Some(endpoint.id);
                if named && endpoint.saturation(trust) < 1.0 { 1.0 } else { 0.0 }
            }
        };
        let score = if score.is_nan() { 0.0 } else { score.clamp(0.0, 1.0) };
        if self.fades() { UNKNOWN + (score - UNKNOWN) * trust } else { score }
    }

    /// Whether the score rests on metrics alone, so that it fades with their age.
    fn fades(self) -> bool {
        matches!(self, Self::Queue | Self::Running | Self::KvCache | Self::LoraAffinity)
    }
}

fn lora_affinity(endpoint: &Endpoint, context: &Context) -> f32 {
    let Some(adapter) = context.adapter else { return 0.0 };
    let Some(observation) = &endpoint.observation else { return 0.0 };
    let adapters = &observation.adapters;
    let active = adapters.running.len() + adapters.waiting.len();
    if adapters.running.contains(&adapter) {
        1.0
    } else if adapters.max.is_some_and(|max| active < usize::try_from(max).unwrap_or(usize::MAX)) {
        0.8
    } else if adapters.waiting.contains(&adapter) {
        0.6
    } else {
        0.0
    }
}

fn adapter(endpoint: &Endpoint, context: &Context) -> f32 {
    let Some(adapter) = context.adapter else { return 1.0 };
    if endpoint.has_adapter(adapter, context.now, context.adapter_memory) {
        1.0
    } else if endpoint.has_free_slot(context.now, context.adapter_memory) {
        0.5
    } else {
        0.0
    }
}
