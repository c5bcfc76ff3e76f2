//! The scanner's tables.

use super::{head, spread, verdict};
use crate::bodies::{Kind, Size};
use crate::compare::Row;
use crate::contenders::Contender;
use crate::machine::Machine;
use std::fmt::Write;

/// How many times `serde_json`'s speed the scanner is to have on [`TARGET_SIZE`] chats.
const TARGET: f64 = 4.0;
const TARGET_SIZE: Size = Size(100_000);

/// The figures of each run, under its name.
#[must_use]
pub fn scanner(machine: &Machine, command: &str, runs: &[(&str, Vec<Row>)]) -> String {
    let mut text = head(machine, command, "");
    text.push_str("\n| 100 KB chat, target 4 times `serde_json` | in one piece | in 16 KiB chunks |\n|---|---|---|\n");
    // Writing into a `String` cannot fail.
    for (name, rows) in runs {
        let row =
            rows.iter().find(|row| row.kind == Kind::Chat.label() && row.size == TARGET_SIZE.0);
        if let Some(row) = row {
            let [whole, chunked] = [row.whole_to_serde, row.chunked_to_serde]
                .map(|ratio| format!("{}: {}", spread(Some(ratio)), verdict(ratio.median, TARGET)));
            let _ = writeln!(text, "| {name} | {whole} | {chunked} |");
        }
    }
    for (name, rows) in runs {
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
    text
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let runs = [("natively", vec![row(300, 1.0), row(100_000, 5.0)])];
        let text = scanner(&Machine::here(), "the command", &runs);
        let line = "| natively | 5.00 (1.00–9.00): met | 3.00 (1.00–9.00): missed by 1.000 |";
        assert!(text.contains(line), "{text}");
    }
}
