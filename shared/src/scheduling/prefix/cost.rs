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

/// What was learned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speed {
    /// Milliseconds whatever the prompt.
    floor: f32,
    /// Milliseconds per token.
    per_token: f32,
    samples: u32,
}

/// Observations before anything is told.
const ENOUGH: u32 = 16;
/// Fewer tokens say nothing about speed.
const MUCH: f32 = 256.0;
/// From a million tokens per second to a hundred.
const BOUNDS: (f32, f32) = (0.001, 10.0);

impl Default for Speed {
    fn default() -> Self {
        Self { floor: 20.0, per_token: 0.1, samples: 0 }
    }
}

impl Speed {
    pub(super) fn is_learned(&self) -> bool {
        self.samples >= ENOUGH
    }

    /// Milliseconds per token.
    pub(super) fn per_token(&self) -> f32 {
        self.per_token
    }

    /// What was observed here, once there was anything.
    pub(super) fn observed(&self) -> Option<LearnedSpeed> {
        let Self { floor, per_token, samples } = *self;
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
        let (pace, furthest) = if self.is_learned() { (0.02, 3.0) } else { (0.2, 30.0) };
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
