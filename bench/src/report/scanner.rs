//! The scanner's tables.

use super::plot::PlotError;
use super::{Part, Target, head, spread};
use crate::bodies::{Kind, Size};
use crate::compare::Row;
use crate::contenders::Contender;
use crate::store::{Store, Stored};
use std::fmt::Write;

/// How many times `serde_json`'s speed the scanner is to have on [`TARGET_SIZE`] chats.
const TARGET: f64 = 4.0;
const TARGET_SIZE: Size = Size(100_000);

/// Rows of each run, under its name.
pub(crate) type Figures = Vec<(String, Vec<Row>)>;

pub(super) fn scanner(stored: &Stored<Figures>, _: &Store) -> Result<Part, PlotError> {
    let mut text = head(stored, "");
    let mut targets = Vec::new();
    for (name, rows) in &stored.figures {
        let row =
            rows.iter().find(|row| row.kind == Kind::Chat.label() && row.size == TARGET_SIZE.0);
        let Some(row) = row else { continue };
        for (ratio, how) in
            [(row.whole_to_serde, "in one piece"), (row.chunked_to_serde, "chunked")]
        {
            let what =
                format!("scanner, {TARGET_SIZE} chat {how}, {name}: times `serde_json`'s speed");
            targets.push(Target::at_least(what, ratio, TARGET));
        }
    }
    // Writing into a `String` cannot fail.
    for (name, rows) in &stored.figures {
        let _ = write!(
            text,
            "\nSpeed {name}, in GB/s (median), and times `serde_json`'s (median, smallest and largest of the rounds):\n\n\
             | Body | Size | scanner | in chunks | `serde_json` | `memchr` | times `serde_json` | in chunks |\n\
             |---|---:|---:|---:|---:|---:|---:|---:|\n"
        );
        for row in rows {
            let _ = write!(text, "| {} | {}", row.kind, Size(row.size));
            for contender in Contender::ALL {
                let speed = row.speed(contender).map_or(0.0, |speed| speed.median);
                let _ = write!(text, " | {speed:.2}");
            }
            let (whole, chunked) =
                (spread(Some(row.whole_to_serde)), spread(Some(row.chunked_to_serde)));
            let _ = writeln!(text, " | {whole} | {chunked} |");
        }
    }
    Ok(Part { tables: text, targets })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Machine;
    use crate::stats::Spread;

    #[test]
    fn the_target_is_judged_on_100_kb_chats() {
        let spread = |median| Spread { median, min: 1.0, max: 9.0 };
        let row = |size, whole| Row {
            kind: "chat".to_owned(),
            size,
            speeds: vec![(Contender::Whole, spread(2.0))],
            whole_to_serde: spread(whole),
            chunked_to_serde: spread(3.0),
        };
        let figures = vec![("natively".to_owned(), vec![row(300, 1.0), row(100_000, 5.0)])];
        let stored = Stored { machine: Machine::here(), command: "c".into(), figures };
        let part = scanner(&stored, &Store::new("unused")).unwrap();
        let verdicts: Vec<_> = part.targets.iter().map(Target::verdict).collect();
        assert_eq!(verdicts, ["met", "missed by 1.000"]);
    }
}
