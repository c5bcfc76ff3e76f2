//! Scorers: each looks at one thing and says 0 (worst) to 1 (best).
//!
//! The reference's scorers keep its names and formulas (Gateway API Inference
//! Extension v1.5); what is named otherwise is this project's own.

use std::time::Duration;

use super::adapters::AdapterKey;
use super::endpoint::Endpoint;
use super::float::{larger, largest, smaller, smallest};
use super::prefix::Residence;
use super::row::{Row, Slots};
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
    /// The reference's: the share of the prompt that was sent to the endpoint lately.
    Prefix => "prefix-cache-scorer",
    /// The prompt's rank of the endpoint, which all workers and replicas agree on, among
    /// those that are not overloaded.
    PrefixAffinity => "prefix-affinity-scorer",
    /// The soonest first token: queue and what is not cached, at the speed observed. The
    /// load scorer until that is known.
    Cost => "cost-scorer",
}

/// What all candidates of one pick have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    min: f32,
    max: f32,
}

/// What one scorer needs to be asked about, in one pick.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Needed {
    /// Nothing: it says the same of every candidate.
    Same(f32),
    /// This endpoint; it says 0 of every other.
    One(EndpointId),
    /// Every candidate.
    Each,
}

impl Range {
    pub(super) const EMPTY: Self = Self { min: f32::INFINITY, max: f32::NEG_INFINITY };

    pub(super) fn of(values: &[f32]) -> Self {
        Self { min: smallest(values), max: largest(values) }
    }

    pub(super) fn add(&mut self, value: f32) {
        // NaN changes neither.
        self.min = smaller(value, self.min);
        self.max = larger(value, self.max);
    }

    /// The reference's formula: 1 at the smallest, 0 at the largest, 1 if all are equal;
    /// [`UNKNOWN`] of NaN.
    fn lowest_is_best_of(&self, value: f32) -> f32 {
        if value.is_nan() {
            return UNKNOWN;
        }
        if self.max > self.min { (self.max - value) / (self.max - self.min) } else { 1.0 }
    }

    /// The same, but small differences stay small: below `span` apart, two values
    /// are not stretched over the whole scale.
    fn lowest_is_best_over(&self, value: f32, span: f32) -> f32 {
        let range = self.max - self.min;
        1.0 - (value - self.min) / if range > span { range } else { span }
    }
}

/// A score for what a server does not report: neither good nor bad.
pub(super) const UNKNOWN: f32 = 0.5;

/// Loads that differ by less than this are nearly the same. 8 is about the batch
/// at which a server's time per token begins to grow.
const LOAD_SPAN: f32 = 8.0;

/// What a scorer looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    /// All that is known; a cache miss or several, so only for what the row has not.
    pub(super) endpoint: &'a Endpoint,
    pub(super) row: &'a Row,
    /// The expected load.
    pub(super) load: f32,
    /// How far the metrics can be trusted, 0 to 1.
    pub(super) trust: f32,
}

impl Scorer {
    #[inline(always)]
    pub(super) fn score(self, seen: Seen<'_>, context: &Context) -> f32 {
        let Seen { endpoint, row, load, trust } = seen;
        let score = match self {
            Self::Queue => context.waiting.lowest_is_best_of(row.waiting),
            Self::Running => context.running.lowest_is_best_of(row.running),
            Self::KvCache => row.kv_score,
            Self::LoraAffinity => lora_affinity(endpoint, context),
            Self::Load | Self::Cost => context.load_score(load),
            Self::Adapter => adapter_score(residence(endpoint, row, context)),
            Self::Session => {
                let named = context.session.is_some_and(|session| session == endpoint.id);
                if named && row.saturation(trust) < 1.0 { 1.0 } else { 0.0 }
            }
            // Without a prompt there is nothing to tell endpoints apart by.
            Self::Prefix | Self::PrefixAffinity => 0.0,
        };
        if self.fades() { faded(score, trust) } else { clamped(score) }
    }

    /// What has to be asked of it, if there is no prompt to go by. Half of the default's
    /// scorers have nothing to say of a request for a base model without a session.
    pub(super) fn needed(self, context: &Context) -> Needed {
        match self {
            // Of a base model, which is everywhere.
            Self::Adapter if context.adapter.is_none() => Needed::Same(1.0),
            Self::Session => context.session.map_or(Needed::Same(0.0), Needed::One),
            Self::Prefix | Self::PrefixAffinity => Needed::Same(0.0),
            _ => Needed::Each,
        }
    }

    /// Whether the score rests on the prompt.
    pub(super) fn wants_prompt(self) -> bool {
        matches!(self, Self::Prefix | Self::PrefixAffinity | Self::Cost)
    }

    /// Whether the score rests on metrics alone, so that it fades with their age.
    fn fades(self) -> bool {
        matches!(self, Self::Queue | Self::Running | Self::KvCache | Self::LoraAffinity)
    }
}

impl Context {
    /// What the load scorer says of a load.
    #[inline(always)]
    pub(super) fn load_score(&self, load: f32) -> f32 {
        clamped(self.load.lowest_is_best_over(load, LOAD_SPAN))
    }
}

/// 0 to 1; NaN is 0.
fn clamped(score: f32) -> f32 {
    smaller(larger(score, 0.0), 1.0)
}

/// A score by metrics, as far as they are trusted.
#[inline(always)]
pub(super) fn faded(score: f32, trust: f32) -> f32 {
    UNKNOWN + (clamped(score) - UNKNOWN) * trust
}

fn lora_affinity(endpoint: &Endpoint, context: &Context) -> f32 {
    let Some(adapter) = context.adapter else { return 0.0 };
    let Some(observation) = &endpoint.observation else { return 0.0 };
    let adapters = &observation.adapters;
    let active = adapters.running.len().saturating_add(adapters.waiting.len());
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

/// What the adapter scorer says of an endpoint where the adapter is, or is not.
pub(super) fn adapter_score(adapter: Residence) -> f32 {
    match adapter {
        Residence::There => 1.0,
        Residence::Room => 0.5,
        Residence::Full => 0.0,
    }
}

/// Whether the request's adapter is there.
pub(super) fn residence(endpoint: &Endpoint, row: &Row, context: &Context) -> Residence {
    let Some(adapter) = context.adapter else { return Residence::There };
    let (now, horizon) = (context.now, context.adapter_memory);
    if row.may_have(adapter) && endpoint.has_adapter(adapter, now, horizon) {
        return Residence::There;
    }
    let free = match row.slots {
        Slots::Free => true,
        Slots::Taken => false,
        Slots::Depends => endpoint.has_free_slot(now, horizon),
    };
    if free { Residence::Room } else { Residence::Full }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::scheduling::{Adapters, Observation};

    fn endpoint(port: u16) -> Endpoint {
        let mut endpoint = Endpoint::new(SocketAddr::from(([10, 0, 0, 1], port)).into());
        endpoint.observation = Some(Observation {
            waiting: Some(u32::from(port)),
            running: Some(3),
            kv_usage: Some(0.25),
            adapters: Adapters {
                max: Some(1),
                running: vec![AdapterKey::of("a")],
                ..Adapters::default()
            },
            ..Observation::default()
        });
        endpoint
    }

    #[test]
    fn whom_a_scorer_is_not_asked_about_it_has_nothing_else_to_say_of() {
        let endpoints = [endpoint(1), endpoint(2)];
        let named = endpoints[1].id;
        for adapter in [None, Some(AdapterKey::of("a")), Some(AdapterKey::of("b"))] {
            for session in [None, Some(named)] {
                let mut context = Context {
                    now: Millis(5),
                    adapter,
                    session,
                    adapter_memory: Duration::from_secs(60),
                    waiting: Range::EMPTY,
                    running: Range::EMPTY,
                    load: Range::EMPTY,
                };
                context.load.add(1.0);
                context.waiting.add(1.0);
                context.running.add(3.0);
                for &scorer in Scorer::ALL {
                    let needed = scorer.needed(&context);
                    for endpoint in &endpoints {
                        let row = Row::of(endpoint);
                        let seen = Seen { endpoint, row: &row, load: row.load(1.0), trust: 1.0 };
                        let score = scorer.score(seen, &context);
                        let as_said = match needed {
                            Needed::Same(same) => score == same,
                            Needed::One(id) => endpoint.id == id || score == 0.0,
                            Needed::Each => true,
                        };
                        assert!(as_said, "{scorer:?} {needed:?} {score}");
                    }
                }
            }
        }
    }
}
