//! What the two runs of the burst are compared by.

use super::stream::Answer;
use std::time::Duration;

const PERCENTILES: [usize; 3] = [50, 90, 99];

/// The figures side by side. `names` are the pool's endpoints.
pub(super) fn draw(round_robin: &[Answer], picker: &[Answer], names: &[String]) -> String {
    let width = names.iter().map(String::len).max().unwrap_or(0) + 12;
    let mut page =
        format!("\n{:width$}  {:>12}  {:>12}  {:>6}\n", "", "round robin", "picker", "ratio");
    for percent in PERCENTILES {
        let (before, after) = (percentile(round_robin, percent), percentile(picker, percent));
        let name = format!("time to first token, p{percent}");
        let ratio = after.as_secs_f64() / before.as_secs_f64().max(f64::MIN_POSITIVE);
        let (before, after) = (shown(before), shown(after));
        page += &format!("{name:width$}  {before:>12}  {after:>12}  {ratio:>6.2}\n");
    }
    for endpoint in names {
        let count = |answers: &[Answer]| answers.iter().filter(|a| a.endpoint == *endpoint).count();
        let name = format!("requests to {endpoint}");
        let (before, after) = (count(round_robin), count(picker));
        page += &format!("{name:width$}  {before:>12}  {after:>12}\n");
    }
    page
}

/// The smallest time that this share of the answers does not exceed.
pub(in crate::demo) fn percentile(answers: &[Answer], percent: usize) -> Duration {
    let mut times: Vec<_> = answers.iter().map(|answer| answer.first_token).collect();
    times.sort_unstable();
    let rank = (times.len() * percent).div_ceil(100).max(1);
    times.get(rank - 1).copied().unwrap_or_default()
}

pub(in crate::demo) fn shown(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(milliseconds: impl Iterator<Item = u64>, endpoint: &str) -> Vec<Answer> {
        let endpoint = endpoint.to_owned();
        milliseconds
            .map(|n| Answer { endpoint: endpoint.clone(), first_token: Duration::from_millis(n) })
            .collect()
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let answers = answers((1..=60).rev(), "a");
        let found = PERCENTILES.map(|percent| percentile(&answers, percent).as_millis());
        assert_eq!(found, [30, 54, 60]);
        assert_eq!(percentile(&answers[..1], 50).as_millis(), 60);
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }

    #[test]
    fn both_runs_stand_side_by_side_with_their_ratio() {
        let names = ["a".to_owned(), "b".to_owned()];
        let text = draw(&answers(1_000..1_001, "a"), &answers(100..101, "b"), &names);
        let cells = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().collect::<Vec<_>>()
        };
        assert_eq!(cells("time to first token, p90"), ["1000", "ms", "100", "ms", "0.10"]);
        assert_eq!(cells("requests to a"), ["1", "0"]);
        assert_eq!(cells("requests to b"), ["0", "1"]);
    }
}
