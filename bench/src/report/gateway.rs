//! The gateway's tables.

use super::{head, spread, verdict};
use crate::bodies::Size;
use crate::gateway::{Cell, Gateway, Run, STEPS, Variant};
use crate::machine::Machine;
use crate::stats::Spread;
use std::fmt::Write;

/// What our filter is to reach of the `buffer` filter, by the body's size.
const TARGETS: [(Size, f64); 4] =
    [(Size(300), 0.75), (Size(8_000), 0.60), (Size(100_000), 0.45), (Size(1_000_000), 0.35)];

/// The tables of one measurement.
#[must_use]
pub fn gateway(machine: &Machine, command: &str, figures: &Gateway) -> String {
    let rounds = figures.cells.iter().map(|cell| cell.runs.len()).max().unwrap_or(0);
    let more = format!("; Envoy {}; {rounds} rounds", figures.envoy);
    let mut text = head(machine, command, &more);
    targets(&mut text, figures);
    all(&mut text, figures);
    memory(&mut text, figures);
    text
}

// Writing into a `String` cannot fail, hence the ignored results.

fn targets(text: &mut String, figures: &Gateway) {
    text.push_str(
        "\nReached of Envoy's `buffer` filter, by Envoy's CPU time per request (median of the rounds' ratios, smallest and largest):\n\n\
         | Body | target | ours, `complete` | | ours, `firstModel` | | Wasm, copies only |\n\
         |---|---:|---:|---|---:|---|---:|\n",
    );
    for (size, target) in TARGETS {
        let ratio = |variant| by_cpu(figures, variant, size.0);
        let Some(complete) = ratio(Variant::Complete) else { continue };
        let first = ratio(Variant::FirstModel);
        let _ = writeln!(
            text,
            "| {size} | {target:.2} | {} | {} | {} | {} | {} |",
            spread(Some(complete)),
            verdict(complete.median, target),
            spread(first),
            first.map_or_else(String::new, |first| verdict(first.median, target)),
            spread(ratio(Variant::Copy)),
        );
    }
}

fn all(text: &mut String, figures: &Gateway) {
    text.push_str(
        "\nAll figures; medians of the rounds. Ratios are to the `buffer` filter in the same round, 1.00 being as cheap, or as fast. \
         Where Envoy is far from 100 % busy, the load was the bottleneck, and requests per second say nothing.\n\n\
         | Body | HTTP filter | CPU µs per request | CPU ratio | requests/s | requests/s ratio | Envoy busy | p50 µs | p99 µs |\n\
         |---|---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for cell in &figures.cells {
        let median = |of: fn(&Run) -> f64| {
            Spread::of(cell.runs.iter().map(of)).map_or(0.0, |spread| spread.median)
        };
        let _ = writeln!(
            text,
            "| {} | {} | {:.1} | {} | {:.0} | {} | {:.0} % | {:.0} | {:.0} |",
            Size(cell.size),
            cell.variant.label(),
            median(|run| run.cpu),
            spread(by_cpu(figures, cell.variant, cell.size)),
            median(|run| run.rate),
            spread(ratio(figures, cell.variant, cell.size, |floor, run| run.rate / floor.rate)),
            median(|run| run.busy) * 100.0,
            median(|run| f64::from(run.p50)),
            median(|run| f64::from(run.p99)),
        );
    }
}

fn memory(text: &mut String, figures: &Gateway) {
    text.push_str(
        "\nEnvoy's memory with very large bodies: peak resident (`VmHWM`), in MB, after bodies of each size, one at a time. \
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

/// CPU time per request of `buffer` by that of the variant, of each round.
fn by_cpu(figures: &Gateway, variant: Variant, size: usize) -> Option<Spread> {
    ratio(figures, variant, size, |floor, run| floor.cpu / run.cpu)
}

fn ratio(
    figures: &Gateway,
    variant: Variant,
    size: usize,
    of: impl Fn(&Run, &Run) -> f64,
) -> Option<Spread> {
    let cell = |variant| -> Option<&Cell> {
        figures.cells.iter().find(|cell| cell.variant == variant && cell.size == size)
    };
    let (floor, cell) = (cell(Variant::Buffer)?, cell(variant)?);
    Spread::of(floor.runs.iter().zip(&cell.runs).map(|(floor, run)| of(floor, run)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(variant: Variant, cpu: [f64; 3]) -> Cell {
        let run = |cpu| Run { requests: 1, rate: 1e6 / cpu, cpu, busy: 1.0, p50: 10, p99: 20 };
        Cell { variant, size: 8_000, runs: cpu.map(run).to_vec() }
    }

    #[test]
    fn ratios_are_taken_within_a_round_and_judged_by_their_median() {
        let figures = Gateway {
            envoy: "1.40.0".to_owned(),
            // In the second round the machine was twice as slow for both.
            cells: vec![
                cell(Variant::Buffer, [50.0, 100.0, 50.0]),
                cell(Variant::Complete, [100.0, 200.0, 125.0]),
            ],
            memory: Vec::new(),
        };
        let text = gateway(&Machine::here(), "the command", &figures);
        let line = "| 8 KB | 0.60 | 0.50 (0.40–0.50) | missed by 0.100 |";
        assert!(text.contains(line), "{text}");
        assert!(!text.contains("| 300 B |"), "not measured, so not judged: {text}");
    }
}
