//! Durations as Gateway API writes them: `1h`, `90s`, `1m30s`, `500ms`; at most four parts
//! of at most five digits, no fractions.

use std::time::Duration;

/// What may stand there.
pub(super) const EXPECTED: &str = "a duration such as 300s, 1m30s or 500ms";

/// Reads a duration; none if it is not one.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    let mut parts = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|n| (1..=5).contains(n))?;
        let (number, after) = rest.split_at_checked(digits)?;
        let number: u64 = number.parse().ok()?;
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit)?;
        total += match unit {
            "h" => Duration::from_secs(number * 3600),
            "m" => Duration::from_secs(number * 60),
            "s" => Duration::from_secs(number),
            "ms" => Duration::from_millis(number),
            _ => return None,
        };
        parts += 1;
        rest = after;
    }
    (1..=4).contains(&parts).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gateway_api_takes_is_a_duration_and_nothing_else_is() {
        let good =
            [("300s", 300_000), ("1m30s", 90_000), ("500ms", 500), ("0s", 0), ("1h", 3_600_000)];
        for (text, ms) in good {
            assert_eq!(parse(text), Some(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "s", "1", "1.5s", "-1s", "1d", "123456s", "1s1s1s1s1s", "1µs"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
