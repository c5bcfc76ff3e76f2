//! Remembers an endpoint's failures for a while.

use std::time::Duration;

use crate::pools::Millis;

/// How much an endpoint is in trouble, 0 (none) to 1; halves in each half-life.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Trouble {
    level: f32,
    at: Millis,
}

impl Trouble {
    /// What one failure adds. Two in a row put an endpoint nearly last.
    const PER_FAILURE: f32 = 0.5;

    /// Below this it is forgotten. Between idle endpoints any rest of it would
    /// decide, and one that has long recovered would get nothing.
    const FORGOTTEN: f32 = 0.05;

    /// The level now.
    #[must_use]
    pub fn level(&self, now: Millis, half_life: Duration) -> f32 {
        if self.level == 0.0 {
            return 0.0;
        }
        let half_lives = now.since(self.at).as_secs_f32() / half_life.as_secs_f32().max(0.001);
        let level = self.level * (-half_lives).exp2();
        if level < Self::FORGOTTEN { 0.0 } else { level }
    }

    /// Whether there may be any; if not, the level is 0.
    pub(super) fn is_remembered(&self) -> bool {
        self.level > 0.0
    }

    /// A request failed: no connection, a reset, or a 5xx.
    pub fn note_failure(&mut self, now: Millis, half_life: Duration) {
        let level = self.level(now, half_life) + Self::PER_FAILURE;
        *self = Self { level: level.min(1.0), at: now };
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn failures_add_up_and_fade() {
        let half_life = Duration::from_secs(10);
        let mut trouble = Trouble::default();
        assert_eq!(trouble.level(Millis(5), half_life), 0.0);
        trouble.note_failure(Millis(0), half_life);
        assert_eq!(trouble.level(Millis(0), half_life), 0.5);
        assert_eq!(trouble.level(Millis(10_000), half_life), 0.25);
        trouble.note_failure(Millis(10_000), half_life);
        assert_eq!(trouble.level(Millis(10_000), half_life), 0.75);
        assert_eq!(trouble.level(Millis(60_000), half_life), 0.0, "forgotten in the end");
        trouble.note_failure(Millis(10_000), half_life);
        assert_eq!(trouble.level(Millis(10_000), half_life), 1.0);
    }
}
