//! What it takes to start VMs.

use super::plot::PlotError;
use super::{Part, Target, head, spread};
use crate::pools::{START_VARIANTS, Start, Variant, per_worker};
use crate::stats::Spread;
use crate::store::{Store, Stored};
use std::fmt::Write;

/// Milliseconds that a worker's VM may take to start.
const TARGET: f64 = 50.0;

pub(super) fn start(stored: &Stored<Vec<Start>>, _: &Store) -> Result<Part, PlotError> {
    let all = &stored.figures;
    let mut tables = head(stored, "");
    tables.push_str(
        "\n| Filters | workers | ready after, ms | CPU, ms |\n\
         |---|---:|---:|---:|\n",
    );
    for Start { variant, workers, ready, cpu } in all {
        let whole = |values: &[f64]| {
            let found = Spread::of(values.iter().copied());
            found.map_or_else(String::new, |Spread { median, min, max }| {
                format!("{median:.0} ({min:.0}–{max:.0})")
            })
        };
        // Writing into a `String` cannot fail.
        let _ = writeln!(
            tables,
            "| {} | {workers} | {} | {} |",
            label(*variant),
            whole(ready),
            whole(cpu)
        );
    }
    tables.push_str("\n| Filters | CPU ms for each worker's VMs |\n|---|---:|\n");
    let mut targets = Vec::new();
    for variant in START_VARIANTS.into_iter().filter(|variant| *variant != Variant::RoundRobin) {
        let Some(each) = per_worker(all, variant) else { continue };
        let _ = writeln!(tables, "| {} | {} |", label(variant), spread(Some(each)));
        let what = format!("start of a worker's VM: {}", label(variant));
        targets.push(Target::below(what, each, TARGET, " ms"));
    }
    Ok(Part { targets, tables })
}

fn label(variant: Variant) -> &'static str {
    match variant {
        Variant::RoundRobin => "none",
        Variant::Bbr => "our BBR",
        other => other.label(),
    }
}
