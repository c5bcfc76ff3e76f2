//! The tables in `docs/benchmarks.md`.
//!
//! Invariant: only what stands between a section's markers is replaced; what people
//! wrote around them stays. A missing marker is an error, found before measuring.

mod gateway;
mod scanner;

pub use gateway::gateway;
pub use scanner::scanner;

use crate::machine::Machine;
use crate::stats::Spread;

/// A part of the file that is written by the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The scanner's tables.
    Scanner,
    /// The gateway's tables.
    Gateway,
}

/// A marker is missing, or stands at the wrong place.
#[derive(Debug, thiserror::Error)]
#[error("the report has no lines `<!-- {name} begin -->` and, after it, `<!-- {name} end -->`")]
pub struct NoMarker {
    name: &'static str,
}

impl Section {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Scanner, Self::Gateway];

    fn name(self) -> &'static str {
        match self {
            Self::Scanner => "scanner",
            Self::Gateway => "gateway",
        }
    }
}

/// Puts `table` between the section's markers in `text`.
///
/// # Errors
/// The markers are not there.
pub fn put(text: &str, section: &Section, table: &str) -> Result<String, NoMarker> {
    let name = section.name();
    let (begin, end) = (format!("<!-- {name} begin -->"), format!("<!-- {name} end -->"));
    let missing = NoMarker { name };
    let Some((before, rest)) = text.split_once(&begin) else { return Err(missing) };
    let Some((_, after)) = rest.split_once(&end) else { return Err(missing) };
    Ok(format!("{before}{begin}\n\n{}\n\n{end}{after}", table.trim()))
}

/// What every section opens with.
fn head(machine: &Machine, command: &str, more: &str) -> String {
    let Machine { cpu, cores, kernel, date, load } = machine;
    format!(
        "`{command}`\n\n{date}; {cpu}, {cores} cores, Linux {kernel}; load before the run {load}{more}.\n"
    )
}

/// `0.75 (0.70–0.80)`.
fn spread(spread: Option<Spread>) -> String {
    spread.map_or_else(
        || "–".to_owned(),
        |Spread { median, min, max }| format!("{median:.2} ({min:.2}–{max:.2})"),
    )
}

/// `met`, or by how much not.
fn verdict(reached: f64, target: f64) -> String {
    if reached >= target {
        "met".to_owned()
    } else {
        // Three digits: what the table rounds up to the target has still missed it.
        format!("missed by {:.3}", target - reached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "words\n<!-- scanner begin -->\nold\n<!-- scanner end -->\nmore words\n";

    #[test]
    fn only_what_stands_between_the_markers_is_replaced() {
        let new = put(TEXT, &Section::Scanner, "new\n").unwrap();
        let expected = "words\n<!-- scanner begin -->\n\nnew\n\n<!-- scanner end -->\nmore words\n";
        assert_eq!(new, expected);
        assert_eq!(put(&new, &Section::Scanner, "new").unwrap(), expected);
    }

    #[test]
    fn a_missing_marker_is_an_error() {
        assert!(put(TEXT, &Section::Gateway, "new").is_err());
        assert!(put("<!-- scanner begin -->", &Section::Scanner, "new").is_err());
    }

    #[test]
    fn a_target_that_is_missed_by_little_is_missed() {
        assert_eq!(verdict(0.75, 0.75), "met");
        assert_eq!(verdict(0.749, 0.75), "missed by 0.001");
    }
}
