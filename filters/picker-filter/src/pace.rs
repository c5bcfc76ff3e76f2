//! How often a busy worker looks at what changes slowly.
//!
//! A call into Envoy costs about a microsecond. What one request learned by it, the time or
//! that answers come from where they were asked for, still holds for those that follow within
//! the millisecond.
//!
//! Invariant: up to one request per millisecond each of them looks; above, about one in each
//! millisecond does. Rejected: one in a fixed number, which leaves a quiet worker without news
//! for minutes.

use std::cell::Cell;
use std::time::Duration;

use filter_host::Sampler;

/// Says which requests look. Follows what came between the last two ticks.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Requests since the last tick.
    seen: Cell<u32>,
    looks: Sampler,
}

impl Default for Pace {
    fn default() -> Self {
        Self { seen: Cell::default(), looks: Sampler::one_in(1) }
    }
}

impl Pace {
    /// A request: whether it looks.
    pub(crate) fn is_due(&self) -> bool {
        self.seen.set(self.seen.get().saturating_add(1));
        self.looks.take()
    }

    /// A tick, so long after the last.
    pub(crate) fn on_tick(&self, passed: Duration) {
        let millis = u32::try_from(passed.as_millis()).unwrap_or(u32::MAX).max(1);
        self.looks.restart(self.seen.take().checked_div(millis).unwrap_or(0).max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(20);

    fn looks(pace: &Pace, requests: u32) -> usize {
        (0..requests).filter(|_| pace.is_due()).count()
    }

    #[test]
    fn each_request_looks_while_they_are_few() {
        let pace = Pace::default();
        for requests in [0, 1, 39, 39, 20] {
            assert_eq!(looks(&pace, requests), requests as usize);
            pace.on_tick(TICK);
        }
    }

    #[test]
    fn one_in_a_millisecond_looks_while_they_are_many() {
        let pace = Pace::default();
        assert_eq!(looks(&pace, 200), 200, "nobody knows yet");
        pace.on_tick(TICK);
        assert_eq!(looks(&pace, 200), 20);
        pace.on_tick(TICK);
        assert_eq!(looks(&pace, 11), 2, "the first, and one in ten");
        pace.on_tick(TICK);
        assert_eq!(looks(&pace, 11), 11, "they are few again");
    }

    #[test]
    fn a_clock_that_stands_still_stops_no_looks() {
        let pace = Pace::default();
        looks(&pace, 50);
        pace.on_tick(Duration::ZERO);
        assert_eq!(looks(&pace, 51), 2);
        pace.on_tick(Duration::MAX);
        assert_eq!(looks(&pace, 51), 51);
    }
}
