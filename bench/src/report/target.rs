//! What is to be reached, and whether it is.

use super::spread;
use crate::stats::Spread;
use std::fmt::Write;

/// A target and the figure it is judged by, the median of the rounds.
pub(super) struct Target {
    what: String,
    reached: Spread,
    limit: f64,
    at_most: bool,
    unit: &'static str,
}

impl Target {
    /// The figure is to be this or more.
    pub(super) fn at_least(what: impl Into<String>, reached: Spread, limit: f64) -> Self {
        Self { what: what.into(), reached, limit, at_most: false, unit: "" }
    }

    /// The figure is to be below this.
    pub(super) fn below(
        what: impl Into<String>,
        reached: Spread,
        limit: f64,
        unit: &'static str,
    ) -> Self {
        Self { what: what.into(), reached, limit, at_most: true, unit }
    }

    /// `met`, or by how much not.
    pub(super) fn verdict(&self) -> String {
        let missing = if self.at_most {
            self.reached.median - self.limit
        } else {
            self.limit - self.reached.median
        };
        // What only rounds to the limit has still missed it: three digits.
        let missed = if self.at_most { missing >= 0.0 } else { missing > 0.0 };
        if missed {
            format!("missed by {missing:.3}{unit}", unit = self.unit)
        } else {
            "met".to_owned()
        }
    }
}

/// All targets.
pub(super) fn table(targets: &[Target]) -> String {
    let met = targets.iter().filter(|target| target.verdict() == "met").count();
    let mut text = format!(
        "{met} of {} targets are met. Median of the rounds (smallest–largest).\n\n\
         | What | target | reached | |\n|---|---:|---:|---|\n",
        targets.len()
    );
    for target in targets {
        let Target { what, reached, limit, at_most, unit } = target;
        let sign = if *at_most { "<" } else { "≥" };
        // Writing into a `String` cannot fail.
        let _ = writeln!(
            text,
            "| {what} | {sign} {limit}{unit} | {}{unit} | {} |",
            shown(*reached),
            target.verdict()
        );
    }
    text
}

/// A figure that was measured once has no spread.
fn shown(reached: Spread) -> String {
    if reached.min < reached.max {
        spread(Some(reached))
    } else if reached.median.abs() >= 100.0 {
        format!("{:.0}", reached.median)
    } else {
        format!("{:.2}", reached.median)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(median: f64) -> Spread {
        Spread { median, min: 0.0, max: 1e3 }
    }

    #[test]
    fn a_target_that_is_missed_by_little_is_missed() {
        let least = |value| Target::at_least("x", reached(value), 0.75).verdict();
        assert_eq!(least(0.75), "met");
        assert_eq!(least(0.749), "missed by 0.001");
        let below = |value| Target::below("x", reached(value), 10.0, " µs").verdict();
        assert_eq!(below(9.99), "met");
        assert_eq!(below(10.0), "missed by 0.000 µs");
        assert_eq!(below(12.5), "missed by 2.500 µs");
    }

    #[test]
    fn the_table_counts_what_is_met() {
        let targets =
            [Target::at_least("a", reached(1.0), 0.5), Target::at_least("b", reached(0.1), 0.5)];
        let text = table(&targets);
        assert!(text.starts_with("1 of 2 targets are met."), "{text}");
        assert!(text.contains("| b | ≥ 0.5 | 0.10 (0.00–1000.00) | missed by 0.400 |"), "{text}");
    }
}
