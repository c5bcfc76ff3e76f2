//! The tables of body reading.
//!
//! Writing into a `String` cannot fail, hence the ignored results.

use super::super::{median, spread};
use super::ratio::Under;
use crate::bodies::Size;
use crate::envoys::{Protocol, Run};
use crate::gateway::{Gateway, STEPS, Variant};
use std::fmt::Write;

/// Variants that are compared with `complete`.
const RIVALS: [Variant; 4] =
    [Variant::Lua, Variant::JsonToMetadata, Variant::ExtProcBuffered, Variant::ExtProcDuplex];

/// Beside the floor.
pub(super) fn floor(text: &mut String, load: &Under<'_>) {
    let _ = write!(
        text,
        "\nShare of the requests per core of Envoy's `buffer` filter, by CPU time per request, under {} (median of the rounds' ratios, smallest and largest):\n\n\
         | Body | ours, `complete` | ours, `firstModel` | Wasm, copies only |\n\
         |---|---:|---:|---:|\n",
        name(load)
    );
    for size in load.sizes() {
        let _ = write!(text, "| {}", Size(size));
        for variant in [Variant::Complete, Variant::FirstModel, Variant::Copy] {
            let ratio = load.cheaper(variant, Variant::Buffer, size);
            let _ = write!(text, " | {}", spread(ratio));
        }
        text.push_str(" |\n");
    }
}

/// Beside what else reads bodies.
pub(super) fn rivals(text: &mut String, load: &Under<'_>) {
    for (what, times) in [
        ("Times the requests per core of each, for ours, `complete`", true),
        (
            "Times less that ours, `complete`, adds to the 99th percentile without a filter (less than a twentieth of that counts as a twentieth)",
            false,
        ),
    ] {
        let names: Vec<_> = RIVALS.iter().map(|rival| rival.label()).collect();
        let _ = write!(
            text,
            "\n{what}:\n\n| Body | {} |\n|---|{}\n",
            names.join(" | "),
            "---:|".repeat(RIVALS.len())
        );
        for size in load.sizes() {
            let _ = write!(text, "| {}", Size(size));
            for rival in RIVALS {
                let ratio = if times {
                    load.cheaper(Variant::Complete, rival, size)
                } else {
                    load.adds_less(Variant::Complete, rival, size)
                };
                let _ = write!(text, " | {}", spread(ratio));
            }
            text.push_str(" |\n");
        }
    }
}

/// Everything under one load.
pub(super) fn all(text: &mut String, load: &Under<'_>) {
    let _ = write!(
        text,
        "\nAll figures under {}; medians of the rounds. Added times are beyond those without a filter.\n\n\
         | Body | HTTP filter | CPU µs per request | requests/s | busy | p50 µs | added p50 | added p90 | added p99 | peak MB |\n\
         |---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n",
        name(load)
    );
    for cell in load.cells() {
        let of = |of: fn(&Run) -> f64| median(cell.runs.iter().map(of));
        let added = |of: fn(&Run) -> u32| {
            let pair = (cell.variant, Variant::Nothing);
            let added = |run: &Run, base: &Run| f64::from(of(run)) - f64::from(of(base));
            load.compare(pair, cell.size, added).map_or(0.0, |spread| spread.median)
        };
        let _ = writeln!(
            text,
            "| {} | {} | {:.1} | {:.0} | {:.0} % | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
            Size(cell.size),
            cell.variant.label(),
            of(|run| run.cpu),
            of(|run| run.rate),
            of(|run| run.busy) * 100.0,
            of(|run| f64::from(run.p50)),
            added(|run| run.p50),
            added(|run| run.p90),
            added(|run| run.p99),
            of(|run| run.memory as f64) / 1e6,
        );
    }
}

/// Very large bodies.
pub(super) fn memory(text: &mut String, figures: &Gateway) {
    if figures.memory.is_empty() {
        return;
    }
    text.push_str(
        "\nEnvoy's memory with very large bodies: peak resident, in MB, while bodies of each size come, one at a time. \
         The limit is Envoy's `per_connection_buffer_limit_bytes`.\n\n| HTTP filter | limit, MiB |",
    );
    for (size, _) in STEPS {
        let _ = write!(text, " {size} |");
    }
    let _ = writeln!(text, "\n|---|---:|{}", "---:|".repeat(STEPS.len()));
    for memory in &figures.memory {
        let _ = write!(text, "| {} | {} |", memory.variant.label(), memory.limit >> 20);
        for peak in &memory.peaks {
            let _ = write!(text, " {:.1} |", *peak as f64 / 1e6);
        }
        text.push('\n');
    }
}

fn name(load: &Under<'_>) -> String {
    let protocol = match load.protocol {
        Protocol::H1 => "HTTP/1.1",
        Protocol::H2 => "HTTP/2",
    };
    format!("{} connections of {protocol}", load.connections)
}
