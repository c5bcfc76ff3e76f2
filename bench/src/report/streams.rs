//! Streaming responses and slow uploads.

use super::plot::PlotError;
use super::{Part, Target, head, median, megabytes, spread};
use crate::gateway::Variant;
use crate::stats::Spread;
use crate::store::{Store, Stored};
use crate::streams::{Sse, Upload};
use std::fmt::Write;

pub(super) fn streams(stored: &Stored<Vec<Sse>>, _: &Store) -> Result<Part, PlotError> {
    let mut tables = head(stored, "");
    tables.push_str(
        "\n| Filters | streams at once | not whole | Envoy idle, MB | peak, MB | KB per stream | CPU µs per event |\n\
         |---|---:|---:|---:|---:|---:|---:|\n",
    );
    let mut targets = Vec::new();
    for found in &stored.figures {
        let Sse { variant, streams, failed, idle, peak, cpu_per_event, .. } = found;
        let grown = idle.iter().zip(peak).map(|(idle, peak)| peak.saturating_sub(*idle) as f64);
        // Writing into a `String` cannot fail.
        let _ = writeln!(
            tables,
            "| {} | {streams} | {failed} | {:.1} | {:.1} | {:.1} | {} |",
            variant.label(),
            megabytes(idle),
            megabytes(peak),
            median(grown) / (*streams).max(1) as f64 / 1e3,
            spread(Spread::of(cpu_per_event.iter().copied())),
        );
        if let Some(failed) = Spread::of([*failed as f64]) {
            let what = format!("{}: streams of {streams} that were not whole", variant.label());
            targets.push(Target::below(what, failed, 1.0, ""));
        }
    }
    for error in stored.figures.iter().flat_map(|found| &found.errors) {
        let _ = writeln!(tables, "\nNot whole: {error}");
    }
    Ok(Part { tables, targets })
}

pub(super) fn uploads(stored: &Stored<Vec<Upload>>, _: &Store) -> Result<Part, PlotError> {
    let mut tables = head(stored, "");
    tables.push_str(
        "\n| HTTP filter | first byte upstream after, ms | answer after, ms | peak memory, MB |\n\
         |---|---:|---:|---:|\n",
    );
    for upload in &stored.figures {
        let Upload { variant, first_byte, answer, memory, .. } = upload;
        let _ = writeln!(
            tables,
            "| {} | {} | {:.0} | {:.1} |",
            variant.label(),
            spread(Spread::of(first_byte.iter().copied())),
            median(answer.iter().copied()),
            megabytes(memory),
        );
    }
    let of = |variant| stored.figures.iter().find(|upload| upload.variant == variant);
    let ours = of(Variant::FirstModel).zip(of(Variant::Buffer));
    let sooner = ours.and_then(|(ours, floor)| {
        Spread::of(floor.first_byte.iter().zip(&ours.first_byte).map(|(floor, ours)| floor / ours))
    });
    let what = "slow upload, `firstModel`: times sooner upstream than through `buffer`";
    let targets = sooner.map(|sooner| Target::at_least(what, sooner, 5.0));
    Ok(Part { tables, targets: targets.into_iter().collect() })
}
