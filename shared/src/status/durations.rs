//! Durations, counted so that quantiles can be told and parts added up.
//!
//! Invariant: a quantile is at most 1/16 beside the truth, and below 16 ms exact, in at most
//! 164 numbers. Rejected: keeping the durations themselves; a busy worker has millions.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A distribution of durations, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Durations(BTreeMap<u16, u32>);

/// An octave is cut into this many equal parts.
const PARTS: u64 = 8;

/// Longer ones count as this: nobody waits for more than an hour.
const LONGEST_MS: u64 = 3_600_000;

impl Durations {
    /// Counts one.
    pub fn add(&mut self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).min(LONGEST_MS);
        let count = self.0.entry(bucket(millis)).or_default();
        *count = count.saturating_add(1);
    }

    /// Adds all of another distribution.
    pub fn merge(&mut self, other: &Self) {
        for (&bucket, &more) in &other.0 {
            let count = self.0.entry(bucket).or_default();
            *count = count.saturating_add(more);
        }
    }

    /// The duration, in milliseconds, that the share `q` (0 to 1) does not exceed; none of
    /// no durations.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let total: u64 = self.0.values().map(|count| u64::from(*count)).sum();
        // The nearest rank: at least the first, at most the last.
        let rank = ((q.clamp(0.0, 1.0) * total as f64).ceil() as u64).max(1);
        let mut passed = 0;
        self.0.iter().find_map(|(&bucket, &count)| {
            passed = u64::saturating_add(passed, count.into());
            (passed >= rank).then(|| middle(bucket))
        })
    }
}

fn bucket(millis: u64) -> u16 {
    let octave = u64::from(millis.max(1).ilog2()).saturating_sub(u64::from(PARTS.ilog2()));
    // Within an octave the upper bits count; below two octaves of parts, all of them.
    u16::try_from(octave.saturating_mul(PARTS).saturating_add(millis >> octave)).unwrap_or(u16::MAX)
}

fn middle(bucket: u16) -> f64 {
    let bucket = u64::from(bucket);
    let octave = (bucket / PARTS).saturating_sub(1);
    let first = bucket.saturating_sub(octave.saturating_mul(PARTS));
    // In floating point: a bucket that another VM made up may lie beyond all durations.
    let width = (octave as f64).exp2();
    first as f64 * width + (width - 1.0) / 2.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn of(millis: impl IntoIterator<Item = u64>) -> Durations {
        let mut durations = Durations::default();
        millis.into_iter().for_each(|millis| durations.add(Duration::from_millis(millis)));
        durations
    }

    #[test]
    fn short_durations_are_exact_and_nothing_has_no_quantile() {
        assert_eq!(Durations::default().quantile(0.5), None);
        let durations = of(0..16);
        for n in 0..16_u32 {
            assert_eq!(durations.quantile(f64::from(n + 1) / 16.0), Some(f64::from(n)));
        }
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let mut last = bucket(0);
        for millis in 1..=70_000 {
            let next = bucket(millis);
            assert!(next == last || next == last + 1, "{millis}");
            last = next;
        }
        assert!(bucket(LONGEST_MS) < 164, "{}", bucket(LONGEST_MS));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn a_quantile_is_near_the_truth(mut millis in prop::collection::vec(0..3_600_000_u64, 1..200), q in 0.0..=1.0_f64) {
            let told = of(millis.iter().copied()).quantile(q).expect("some");
            millis.sort_unstable();
            let rank = ((q * millis.len() as f64).ceil() as usize).max(1) - 1;
            let truth = millis[rank] as f64;
            prop_assert!((told - truth).abs() <= truth / 16.0, "{told} for {truth}");
        }

        #[test]
        fn parts_add_up_to_the_whole(millis in prop::collection::vec(any::<u64>(), 0..100), cut in 0..100_usize) {
            let cut = cut.min(millis.len());
            let mut sum = of(millis[..cut].iter().copied());
            sum.merge(&of(millis[cut..].iter().copied()));
            prop_assert_eq!(sum, of(millis));
        }
    }
}
