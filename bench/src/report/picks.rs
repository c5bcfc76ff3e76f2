//! Picks: tables, plot, targets.

use super::plot::{self, PlotError, Series};
use super::{Part, Target, head, image, spread};
use crate::picks::{Asking, POOLS, Row};
use crate::store::{Store, Stored};
use std::fmt::Write;

/// Microseconds that a pick may take inside Wasm, by the pool's size.
const TARGETS: [(u16, f64); 2] = [(100, 10.0), (1_000, 60.0)];

/// Rows of each run, under its name.
pub(crate) type Figures = Vec<(String, Vec<Row>)>;

pub(super) fn picks(stored: &Stored<Figures>, store: &Store) -> Result<Part, PlotError> {
    let mut tables = head(stored, "");
    tables.push_str(
        "\nMicroseconds per pick (median, smallest and largest of the rounds):\n\n| Asked for |",
    );
    // Writing into a `String` cannot fail.
    for (name, _) in &stored.figures {
        for pool in POOLS {
            let _ = write!(tables, " {name}, {pool} |");
        }
    }
    let columns = stored.figures.len() * POOLS.len();
    let _ = writeln!(tables, "\n|---|{}", "---:|".repeat(columns));
    let mut series = Vec::new();
    for asking in Asking::ALL {
        let _ = write!(tables, "| {} |", asking.label());
        for (name, rows) in &stored.figures {
            let of = |pool| rows.iter().find(|r| r.asking == asking && r.endpoints == pool);
            for pool in POOLS {
                let _ = write!(tables, " {} |", spread(of(pool).map(|row| row.micros)));
            }
            let points =
                POOLS.iter().filter_map(|&pool| Some((f64::from(pool), of(pool)?.micros.median)));
            let name = format!("{}, {name}", asking.label());
            series.push(Series { name, points: points.collect() });
        }
        tables.push('\n');
    }
    plot::lines(
        &store.folder().join("picks.svg"),
        "Time of a pick",
        ("endpoints of the pool", "microseconds"),
        &series,
    )?;
    tables.push_str(&image(store, "picks.svg", "Time of a pick by the number of endpoints"));
    let wasm = stored.figures.iter().find(|(name, _)| name.contains("Wasm"));
    let targets = TARGETS.iter().filter_map(|&(pool, limit)| {
        let rows = wasm?.1.iter().filter(|row| row.endpoints == pool);
        let slowest = rows.max_by(|a, b| a.micros.median.total_cmp(&b.micros.median))?;
        let what = format!("a pick among {pool} under Wasm, the slowest kind");
        Some(Target::below(what, slowest.micros, limit, " µs"))
    });
    Ok(Part { tables, targets: targets.collect() })
}
