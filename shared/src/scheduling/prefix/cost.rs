//! How fast the servers compute prompts, learned from first bytes.
//!
//! Time = floor + tokens × speed. The floor is learned from requests with next to nothing
//! to compute, the speed from those with much.
//!
//! Invariant: one observation moves what is known by a few percent at most, however absurd
//! it is, and what is known stays within the bounds of any hardware.
//!
//! Rejected: least squares. One request that waited a minute for KV blocks outweighs
//! thousands.

use serde::{Deserialize, Serialize};

/// How fast prompts are computed, as far as it was observed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LearnedSpeed {
    /// Milliseconds to a first token whatever the prompt.
    pub floor: f32,
    /// Milliseconds per prompt token, 0.001 to 10.
    pub per_token: f32,
    /// First tokens that say so.
    pub samples: u32,
}

/// More samples of one worker give it no more weight: it may have served one kind of prompt.
const MOST_WEIGHT: u32 = 1_000;

impl LearnedSpeed {
    /// What several workers observed, together; none while all of them saw too little.
    #[must_use]
    pub fn together(observed: impl Iterator<Item = Self>) -> Option<Self> {
        let (mut floor, mut per_token, mut weights, mut samples) = (0.0, 0.0, 0.0, 0_u32);
        for one in observed.filter(Self::is_sane) {
            let weight = one.samples.min(MOST_WEIGHT) as f32;
            floor += weight * one.floor;
            per_token += weight * one.per_token;
            weights += weight;
            samples = samples.saturating_add(one.samples);
        }
        let (floor, per_token) = (floor / weights, per_token / weights);
        (samples >= ENOUGH).then_some(Self { floor, per_token, samples })
    }

    /// Whether it can be one of a worker.
    fn is_sane(&self) -> bool {
        (BOUNDS.0..=BOUNDS.1).contains(&self.per_token)
            && self.floor.is_finite()
            && self.samples > 0
    }
}

/// What was learned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speed {
    /// Milliseconds whatever the prompt.
    floor: f32,
    /// Milliseconds per token.
    per_token: f32,
    samples: u32,
    /// What all workers observed, of whom this is one.
    told: Option<LearnedSpeed>,
}

/// Observations before anything is told.
const ENOUGH: u32 = 16;
/// Fewer tokens say nothing about speed.
const MUCH: f32 = 256.0;
/// From a million tokens per second to a hundred.
const BOUNDS: (f32, f32) = (0.001, 10.0);

impl Default for Speed {
    fn default() -> Self {
        Self { floor: 20.0, per_token: 0.1, samples: 0, told: None }
    }
}

impl Speed {
    pub(super) fn is_learned(&self) -> bool {
        self.told.is_some() || self.has_enough()
    }

    fn has_enough(&self) -> bool {
        self.samples >= ENOUGH
    }

    /// Milliseconds per token.
    pub(super) fn per_token(&self) -> f32 {
        self.told.map_or(self.per_token, |told| told.per_token)
    }

    /// What all workers observed, together.
    pub(super) fn hear(&mut self, told: LearnedSpeed) {
        self.told = told.is_sane().then_some(told);
    }

    /// What was observed here, once there was anything.
    pub(super) fn observed(&self) -> Option<LearnedSpeed> {
        let Self { floor, per_token, samples, .. } = *self;
        (samples > 0).then_some(LearnedSpeed { floor, per_token, samples })
    }

    /// A first byte came after so many milliseconds and so many tokens of work.
    pub(super) fn learn(&mut self, tokens: f32, milliseconds: f32) {
        if !(tokens.is_finite() && milliseconds.is_finite()) {
            return;
        }
        if tokens < MUCH {
            // Down quickly, up slowly: what is learned is near the least.
            let pace = if milliseconds < self.floor { 0.2 } else { 0.01 };
            self.floor += pace * (milliseconds.min(4.0 * self.floor + 1.0) - self.floor);
            return;
        }
        let seen = (milliseconds - self.floor).max(0.0) / tokens;
        let (pace, furthest) = if self.has_enough() { (0.02, 3.0) } else { (0.2, 30.0) };
        let seen = seen.clamp(self.per_token / furthest, self.per_token * furthest);
        self.per_token =
            (self.per_token + pace * (seen - self.per_token)).clamp(BOUNDS.0, BOUNDS.1);
        self.samples = self.samples.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn several_workers_know_together_what_none_knows_alone() {
        let seen = |per_token, samples| LearnedSpeed { floor: 10.0, per_token, samples };
        let few = [seen(0.1, 10), seen(0.2, 10), seen(f32::NAN, 900), seen(0.3, 0)];
        let told = LearnedSpeed::together(few.into_iter()).expect("20 samples");
        assert_eq!((told.samples, told.floor), (20, 10.0));
        assert!((told.per_token - 0.15).abs() < 0.001, "{told:?}");
        assert_eq!(LearnedSpeed::together(few[..1].iter().copied()), None, "too few");
        let mut speed = Speed::default();
        speed.hear(seen(f32::INFINITY, 900));
        assert!(!speed.is_learned());
        speed.hear(told);
        assert!(speed.is_learned());
        assert_eq!(speed.per_token(), told.per_token);
        assert_eq!(speed.observed(), None, "hearsay is not passed on");
    }

    #[test]
    fn speed_is_learned_and_outliers_move_it_little() {
        let mut speed = Speed::default();
        assert!(!speed.is_learned());
        for n in 0..400_u16 {
            let tokens = 300.0 + f32::from(n * 7 % 2_000);
            speed.learn(tokens, 20.0 + 0.05 * tokens);
            speed.learn(10.0, 20.0);
        }
        assert!(speed.is_learned());
        assert!((speed.per_token() - 0.05).abs() < 0.005, "{}", speed.per_token());
        let before = speed.per_token();
        speed.learn(1_000.0, 1e9);
        speed.learn(f32::NAN, 1.0);
        assert!(speed.per_token() < before * 1.05);
        for _ in 0..100_000 {
            speed.learn(1_000.0, 1e9);
        }
        assert!(speed.per_token() <= BOUNDS.1);
    }
}
