//! What happened in the last minute, in bounded memory.
//!
//! Invariant: what is told covers the last 50 to 60 seconds, never more: the oldest of six
//! slots is dropped as a whole. A clock that jumps back drops what lies in its future.

use serde::{Deserialize, Serialize};

use super::durations::Durations;
use crate::pools::Millis;

/// What was counted of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Requests it was chosen for.
    pub picks: u32,
    /// Responses, failed ones included.
    pub answers: u32,
    /// Responses with a 5xx, resets and failed connections.
    pub failures: u32,
    /// From a request's headers to the headers of a response without error.
    pub first_byte: Durations,
}

impl Tally {
    /// Adds another one.
    pub fn merge(&mut self, other: &Self) {
        self.picks = self.picks.saturating_add(other.picks);
        self.answers = self.answers.saturating_add(other.answers);
        self.failures = self.failures.saturating_add(other.failures);
        self.first_byte.merge(&other.first_byte);
    }
}

const SLOTS: usize = 6;
const SLOT_MS: u64 = 10_000;

/// The last minute of an endpoint.
#[derive(Debug, Clone, Default)]
pub struct Minute([(u64, Tally); SLOTS]);

impl Minute {
    /// Changes the count of now.
    pub fn count(&mut self, now: Millis, change: impl FnOnce(&mut Tally)) {
        let turn = now.0 / SLOT_MS;
        let place =
            usize::try_from(turn.checked_rem(SLOTS as u64).unwrap_or_default()).unwrap_or_default();
        if let Some((of, tally)) = self.0.get_mut(place) {
            if *of != turn {
                (*of, *tally) = (turn, Tally::default());
            }
            change(tally);
        }
    }

    /// What was counted lately; none if nothing was.
    #[must_use]
    pub fn sum(&self, now: Millis) -> Option<Tally> {
        let turn = now.0 / SLOT_MS;
        let oldest = turn.saturating_sub(const { SLOTS as u64 - 1 });
        let mut sum = Tally::default();
        for (_, tally) in self.0.iter().filter(|(of, _)| (oldest..=turn).contains(of)) {
            sum.merge(tally);
        }
        (sum != Tally::default()).then_some(sum)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn picks(minute: &Minute, now: u64) -> u32 {
        minute.sum(Millis(now)).map_or(0, |tally| tally.picks)
    }

    #[test]
    fn what_is_older_than_a_minute_is_not_told() {
        let mut minute = Minute::default();
        for now in (1_000_000..1_200_000).step_by(1_000) {
            minute.count(Millis(now), |tally| tally.picks += 1);
        }
        assert_eq!(picks(&minute, 1_199_999), 60);
        assert_eq!(picks(&minute, 1_200_000), 50);
        assert_eq!(picks(&minute, 1_249_999), 10);
        assert_eq!(picks(&minute, 1_250_000), 0);
        assert_eq!(minute.sum(Millis(1_250_000)), None);
    }

    #[test]
    fn a_clock_that_jumps_back_drops_the_future() {
        let mut minute = Minute::default();
        minute.count(Millis(9_000_000), |tally| tally.picks += 1);
        minute.count(Millis(1_000_000), |tally| tally.picks += 1);
        assert_eq!(picks(&minute, 1_000_000), 1);
    }
}
