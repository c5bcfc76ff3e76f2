//! How a pool chooses: scorers and their weights, and when metrics are stale.

use std::time::Duration;

use super::float::larger;
use super::scorer::Scorer;
use crate::pools::Millis;

/// How a pool chooses.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The scorers; a candidate's score is the sum of weight times score.
    pub scorers: Vec<Weighted>,
    /// When metrics are stale.
    pub staleness: Staleness,
    /// How long what was sent where counts as adapter affinity.
    pub adapter_memory: Duration,
    /// In which time the memory of a failure halves.
    pub trouble_half_life: Duration,
    /// How many endpoints a pick names at most: the first and those for retries.
    pub ranked: usize,
}

/// A scorer and its weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weighted {
    /// The scorer.
    pub scorer: Scorer,
    /// What its score, 0 to 1, is multiplied by; finite and not negative.
    pub weight: f32,
}

/// When metrics are stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Staleness {
    /// Up to this age metrics count in full.
    pub fresh_for: Duration,
    /// From this age on they do not count at all; between, they fade.
    pub stale_after: Duration,
}

impl Staleness {
    /// The same in numbers that a pick can use for each endpoint without dividing.
    #[must_use]
    pub fn fading(&self) -> Fading {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let fresh_for = millis(self.fresh_for);
        let fades_in = millis(self.stale_after).saturating_sub(fresh_for).max(1);
        Fading { fresh_for, per_milli: 1.0 / fades_in as f32 }
    }
}

/// How trust in metrics fades.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fading {
    /// Up to this age in milliseconds, trust is 1.
    fresh_for: u64,
    /// What each millisecond beyond takes away.
    per_milli: f32,
}

impl Fading {
    /// How far metrics of this time can be trusted: 1 while fresh, 0 when stale or absent.
    #[must_use]
    pub fn trust(&self, observed: Option<Millis>, now: Millis) -> f32 {
        let Some(observed) = observed else { return 0.0 };
        let age = now.0.saturating_sub(observed.0);
        match age.checked_sub(self.fresh_for) {
            None | Some(0) => 1.0,
            Some(faded) => larger(1.0 - faded as f32 * self.per_milli, 0.0),
        }
    }
}

/// Weights that decide nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("every weight must be finite and at least 0, and one above 0")]
pub struct InvalidProfile;

impl Profile {
    /// This project's default: where the request waits least, on the endpoint that
    /// has the adapter, and not where the KV cache is about to overflow. A session's
    /// endpoint outweighs all others until it is saturated.
    #[must_use]
    pub fn recommended() -> Self {
        Self::of(&[
            (Scorer::Cost, 3.0),
            (Scorer::KvCache, 1.0),
            (Scorer::Adapter, 2.0),
            (Scorer::Session, 8.0),
        ])
    }

    /// The reference's default (GIE v1.5): queue 2, KV cache 2, LoRA affinity 1. Its
    /// prefix scorer has its own place here.
    #[must_use]
    pub fn reference() -> Self {
        Self::of(&[(Scorer::Queue, 2.0), (Scorer::KvCache, 2.0), (Scorer::LoraAffinity, 1.0)])
    }

    /// Whether a scorer looks at prompts.
    #[must_use]
    pub fn wants_prompt(&self) -> bool {
        self.scorers.iter().any(|weighted| weighted.scorer.wants_prompt())
    }

    /// Whether a scorer goes by how fast prompts are computed.
    #[must_use]
    pub fn wants_speed(&self) -> bool {
        self.scorers.iter().any(|weighted| weighted.scorer == Scorer::Cost)
    }

    /// Whether a scorer looks at the prompt's rank of the endpoints.
    pub(super) fn wants_affinity(&self) -> bool {
        self.scorers.iter().any(|weighted| weighted.scorer == Scorer::PrefixAffinity)
    }

    /// Whether a scorer compares requests waiting or running with the others'.
    pub(super) fn compares_requests(&self) -> bool {
        let compares = |scorer| matches!(scorer, Scorer::Queue | Scorer::Running);
        self.scorers.iter().any(|weighted| compares(weighted.scorer))
    }

    fn of(scorers: &[(Scorer, f32)]) -> Self {
        Self {
            scorers: scorers.iter().map(|&(scorer, weight)| Weighted { scorer, weight }).collect(),
            staleness: Staleness {
                fresh_for: Duration::from_secs(1),
                stale_after: Duration::from_secs(5),
            },
            adapter_memory: Duration::from_secs(60),
            trouble_half_life: Duration::from_secs(10),
            ranked: 3,
        }
    }

    /// The same with other scorers.
    ///
    /// # Errors
    /// The weights decide nothing or are no numbers.
    pub fn with_scorers(mut self, scorers: Vec<Weighted>) -> Result<Self, InvalidProfile> {
        let valid = scorers.iter().all(|w| w.weight.is_finite() && w.weight >= 0.0)
            && scorers.iter().any(|w| w.weight > 0.0);
        self.scorers = scorers;
        if valid { Ok(self) } else { Err(InvalidProfile) }
    }
}
