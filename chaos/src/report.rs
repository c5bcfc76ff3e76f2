//! What a run found, as a table, and every failure in words.

use crate::evidence::Judgement;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// Failures of one kind that are told in words; the table has them all as a number.
const TOLD: usize = 3;

/// What one fault did.
#[derive(Clone, Debug, Default)]
pub struct Row {
    pub(crate) name: String,
    pub(crate) judged: Judgement,
    /// Refreshes until what was broken worked again; none if nothing had to.
    pub(crate) recovery: Option<u64>,
    /// What else there is to say.
    pub(crate) note: String,
    /// Why it could not run to its end, or what it found beside its requests.
    pub(crate) failure: Option<String>,
    /// Why it was not run at all.
    pub(crate) skipped: Option<String>,
    pub(crate) took: Duration,
}

impl Row {
    /// Of a fault that ran to its end.
    pub(crate) fn new(judged: Judgement, recovery: impl Into<Option<u64>>) -> Self {
        Self { judged, recovery: recovery.into(), ..Self::default() }
    }

    /// With something to say.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Of a fault that could not be run.
    pub(crate) fn skipped(why: impl Into<String>) -> Self {
        Self { skipped: Some(why.into()), ..Self::default() }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failure.is_none() && self.judged.is_clean()
    }

    fn verdict(&self) -> &str {
        match (&self.skipped, self.passed()) {
            (Some(_), _) => "not run",
            (None, true) => "ok",
            (None, false) => "FAILED",
        }
    }

    fn cells(&self) -> [String; COLUMNS.len()] {
        let judged = &self.judged;
        let [good, refused, failed] = judged.answered;
        let number = |n: usize| n.to_string();
        [
            self.name.clone(),
            number(judged.requests),
            number(good),
            number(refused),
            number(failed),
            number(judged.broken),
            number(judged.given_up),
            number(judged.explained),
            number(judged.unexplained.len()),
            number(judged.twice.len()),
            number(judged.lost.len()),
            self.recovery.map_or_else(|| "-".to_owned(), |n| n.to_string()),
            format!("{:.1}", self.took.as_secs_f64()),
            self.verdict().to_owned(),
        ]
    }
}

const COLUMNS: [&str; 14] = [
    "fault",
    "requests",
    "2xx",
    "4xx",
    "5xx",
    "broken",
    "given up",
    "explained",
    "unexplained",
    "twice",
    "lost",
    "recovery",
    "seconds",
    "",
];

/// All that a run found.
#[derive(Clone, Debug)]
pub struct Report {
    pub(crate) seed: u64,
    pub(crate) envoy: String,
    pub(crate) rows: Vec<Row>,
}

impl Report {
    /// Whether something ran and nothing is wrong.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.rows.iter().any(|row| row.skipped.is_none()) && self.rows.iter().all(Row::passed)
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let cells: Vec<_> = self.rows.iter().map(Row::cells).collect();
        let width = |column: usize| {
            let widths = cells.iter().map(|row| row[column].len());
            widths.max().unwrap_or(0).max(COLUMNS[column].len())
        };
        let widths: [usize; COLUMNS.len()] = std::array::from_fn(width);
        let mut line = |row: [&str; COLUMNS.len()]| {
            let first = format!("{:<w$}", row[0], w = widths[0]);
            let rest = row.iter().zip(widths).skip(1).map(|(cell, w)| format!("  {cell:>w$}"));
            let line = std::iter::once(first).chain(rest).collect::<String>();
            writeln!(f, "{}", line.trim_end())
        };
        line(COLUMNS)?;
        for row in &cells {
            line(row.each_ref().map(String::as_str))?;
        }
        writeln!(f)?;
        for row in &self.rows {
            let skipped = row.skipped.as_ref().map(|why| format!("not run: {why}"));
            let said = [Some(row.note.clone()).filter(|note| !note.is_empty()), skipped];
            for text in said.into_iter().flatten() {
                writeln!(f, "{}: {text}", row.name)?;
            }
        }
        for row in self.rows.iter().filter(|row| !row.passed()) {
            let judged = &row.judged;
            let lists = [
                ("unexplained", &judged.unexplained),
                ("twice", &judged.twice),
                ("lost", &judged.lost),
            ];
            for (what, list) in lists {
                for text in list.iter().take(TOLD) {
                    writeln!(f, "FAILED {}: {what}: {text}", row.name)?;
                }
                if list.len() > TOLD {
                    writeln!(f, "FAILED {}: {what}: {} more", row.name, list.len() - TOLD)?;
                }
            }
            if let Some(failure) = &row.failure {
                writeln!(f, "FAILED {}: {failure}", row.name)?;
            }
        }
        let requests: usize = self.rows.iter().map(|row| row.judged.requests).sum();
        let verdict = if self.passed() { "passed" } else { "FAILED" };
        writeln!(f, "{verdict}: {requests} requests, Envoy {}, seed {}", self.envoy, self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(rows: Vec<Row>) -> Report {
        Report { seed: 7, envoy: "1.40.0".to_owned(), rows }
    }

    #[test]
    fn what_is_wrong_fails_the_run_and_stands_below_the_table() {
        let unexplained = vec!["a".to_owned(), "b".to_owned(), "c".to_owned(), "d".to_owned()];
        let judged = Judgement { requests: 4, unexplained, ..Judgement::default() };
        let report = report(vec![Row { name: "hung".to_owned(), ..Row::new(judged, 3) }]);
        assert!(!report.passed());
        let text = report.to_string();
        assert!(text.contains("FAILED hung: unexplained: c\n"), "{text}");
        assert!(text.contains("FAILED hung: unexplained: 1 more\n"), "{text}");
        assert!(text.ends_with("FAILED: 4 requests, Envoy 1.40.0, seed 7\n"), "{text}");
    }

    #[test]
    fn a_run_in_which_nothing_ran_did_not_pass() {
        assert!(!report(Vec::new()).passed());
        assert!(!report(vec![Row::skipped("no library")]).passed());
        assert!(report(vec![Row::skipped("no library"), Row::default()]).passed());
    }
}
