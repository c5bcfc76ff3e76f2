//! What a response said of its server's load, between two scrapes.
//!
//! Invariant: a report replaces only what is older and what it knows as well as a scrape.
//! A server of several engines reports one of them, so nothing is taken from it: the sum
//! over all, a scrape old, is nearer to the truth. And a report never counts requests
//! as seen: those sent since the scrape go on counting, because a report does not say how
//! many run. Those of them that wait are counted twice until the next scrape, which errs
//! on the side of the other endpoints.
//!
//! Rejected: a report as an observation of its own. Each worker would then have another
//! time of observation, and none could say which of the others' requests it had seen.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::endpoint::Observation;
use crate::pools::Millis;

/// A server's load as a response told it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reported {
    /// When the response came.
    pub at: Millis,
    /// Requests that wait.
    pub waiting: Option<u32>,
    /// Share of the KV cache in use, 0 to 1.
    pub kv_usage: Option<f32>,
}

/// What ran at a scrape this long ago is over, or among the requests counted since.
const RUNNING_LIFE: Duration = Duration::from_secs(5);

impl Reported {
    /// What was reported since the last scrape, if anything.
    #[must_use]
    pub fn of(observation: &Observation) -> Option<Self> {
        let Observation { waiting, kv_usage, .. } = *observation;
        Some(Self { at: observation.reported?, waiting, kv_usage })
    }

    /// Takes the report over where it is news. Returns whether it was.
    pub fn apply(self, observation: &mut Option<Observation>, now: Millis) -> bool {
        let known = observation.as_ref();
        let is_old = known.is_some_and(|known| known.seen_at() >= self.at);
        // One from the future is from before the clock jumped back.
        if is_old || self.at > now || known.is_some_and(|known| known.several_engines) {
            return false;
        }
        let observation = observation.get_or_insert_default();
        observation.waiting = self.waiting.or(observation.waiting);
        observation.kv_usage = self.kv_usage.or(observation.kv_usage);
        observation.reported = Some(self.at);
        if self.at.since(observation.at) > RUNNING_LIFE {
            observation.running = None;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const NOW: Millis = Millis(100_000);

    fn scraped(at: u64) -> Option<Observation> {
        let (waiting, running, kv_usage) = (Some(1), Some(4), Some(0.5));
        Some(Observation { at: Millis(at), waiting, running, kv_usage, ..Observation::default() })
    }

    fn report(at: u64, waiting: Option<u32>) -> Reported {
        Reported { at: Millis(at), waiting, kv_usage: Some(0.75) }
    }

    #[test]
    fn a_newer_report_replaces_what_it_says_and_keeps_the_time_of_the_scrape() {
        let mut observation = scraped(99_000);
        assert!(report(99_500, Some(7)).apply(&mut observation, NOW));
        let known = observation.as_ref().expect("known");
        assert_eq!((known.waiting, known.running, known.kv_usage), (Some(7), Some(4), Some(0.75)));
        assert_eq!((known.at, known.seen_at()), (Millis(99_000), Millis(99_500)));
        assert_eq!(Reported::of(known), Some(report(99_500, Some(7))));
        assert!(report(99_600, None).apply(&mut observation, NOW));
        assert_eq!(observation.and_then(|o| o.waiting), Some(7), "it did not say");
    }

    #[test]
    fn an_older_report_or_one_from_the_future_changes_nothing() {
        for at in [98_000, 99_000, NOW.0 + 1] {
            let mut observation = scraped(99_000);
            assert!(!report(at, Some(7)).apply(&mut observation, NOW), "{at}");
            assert_eq!(observation, scraped(99_000));
        }
    }

    #[test]
    fn one_engine_s_report_does_not_replace_a_sum_over_several() {
        let mut observation = scraped(99_000);
        observation.as_mut().expect("scraped").several_engines = true;
        let before = observation.clone();
        assert!(!report(99_500, Some(0)).apply(&mut observation, NOW));
        assert_eq!(observation, before);
    }

    #[test]
    fn without_scrapes_reports_are_all_there_is() {
        let mut observation = None;
        assert!(report(99_500, Some(7)).apply(&mut observation, NOW));
        let known = observation.expect("known");
        assert_eq!((known.waiting, known.running), (Some(7), None));
        assert_eq!(known.seen_at(), Millis(99_500));
        let mut long_ago = scraped(90_000);
        assert!(report(99_500, Some(7)).apply(&mut long_ago, NOW));
        assert_eq!(long_ago.and_then(|o| o.running), None, "what ran ten seconds ago is over");
    }
}
