//! Medians and spreads of a few rounds.
//!
//! Invariant: no mean anywhere. One round that another process disturbed would move a
//! mean; it does not move a median, and it shows in the spread.

use serde::{Deserialize, Serialize};

/// What several rounds said.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of at least one value; `None` of none.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let half = values.len() / 2;
        let upper = *values.get(half)?;
        let median = if values.len().is_multiple_of(2) {
            f64::midpoint(*values.get(half.checked_sub(1)?)?, upper)
        } else {
            upper
        };
        Some(Self { median, min, max })
    }
}

/// The value below which `share` (0 to 1) of the sorted values lie; 0 of none.
#[must_use]
pub fn percentile(sorted: &[u32], share: f64) -> u32 {
    let last = sorted.len().saturating_sub(1);
    let index = (last as f64 * share).round() as usize;
    sorted.get(index.min(last)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_rounds_lies_between_the_middle_two() {
        let spread = Spread::of([4.0, 1.0, 3.0, 100.0]).unwrap();
        assert_eq!(spread, Spread { median: 3.5, min: 1.0, max: 100.0 });
        assert_eq!(Spread::of([2.0]).unwrap().median, 2.0);
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let sorted: Vec<u32> = (1..=101).collect();
        assert_eq!(percentile(&sorted, 0.5), 51);
        assert_eq!(percentile(&sorted, 0.99), 100);
        assert_eq!(percentile(&sorted, 1.0), 101);
        assert_eq!(percentile(&[], 0.5), 0);
    }
}
