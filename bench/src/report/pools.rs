//! Request rates among endpoints, and the cost of refreshing their metrics.

use super::plot::{self, PlotError, Series};
use super::{Part, Target, head, image, median, spread};
use crate::envoys::Run;
use crate::pools::{Cell, Rates, Refresh, Variant};
use crate::stats::Spread;
use crate::store::{Store, Stored};
use std::fmt::Write;

/// What the picker alone, and both filters, are to reach of `round_robin`'s requests per
/// core. Judged by CPU time: when Envoy is busy all the time, the request rate is the same
/// ratio; when it is not, the rate is that of the load.
const TARGETS: [(Variant, f64); 2] = [(Variant::Picker, 0.75), (Variant::Both, 0.60)];
/// Cores that refreshing 100 endpoints with 60 KB of metrics each may cost.
const CORES: f64 = 0.5;

pub(super) fn pools(stored: &Stored<Rates>, store: &Store) -> Result<Part, PlotError> {
    let figures = &stored.figures;
    let rounds = figures.cells.iter().map(|cell| cell.runs.len()).max().unwrap_or(0);
    let mut tables = head(stored, &format!("; Envoy {}; {rounds} rounds", figures.envoy));
    tables.push_str(
        "\nMedians of the rounds. Ratios are to `round_robin` among the same endpoints under the same load in the same round, 1.00 being as cheap, or as fast. Idle: of a core, without any request.\n\n\
         | Endpoints | Connections | Who chooses | CPU µs per request | CPU ratio | requests/s | requests/s ratio | Envoy busy | idle | p50 µs | p90 µs | p99 µs |\n\
         |---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for cell in &figures.cells {
        let of = |of: fn(&Run) -> f64| median(cell.runs.iter().map(of));
        // Writing into a `String` cannot fail.
        let _ = writeln!(
            tables,
            "| {} | {} | {} | {:.1} | {} | {:.0} | {} | {:.0} % | {:.1} % | {:.0} | {:.0} | {:.0} |",
            cell.endpoints,
            cell.connections,
            cell.variant.label(),
            of(|run| run.cpu),
            spread(share(figures, cell, Variant::RoundRobin)),
            of(|run| run.rate),
            spread(ratio(figures, cell, Variant::RoundRobin, |floor, run| run.rate / floor.rate)),
            of(|run| run.busy) * 100.0,
            cell.idle * 100.0,
            of(|run| f64::from(run.p50)),
            of(|run| f64::from(run.p90)),
            of(|run| f64::from(run.p99)),
        );
    }
    tables.push_str(&calls(figures));
    // One load is enough for a picture.
    let drawn = figures.cells.first().map(|cell| cell.connections);
    let series = Variant::ALL.iter().map(|&variant| {
        let cells = figures.cells.iter().filter(|cell| Some(cell.connections) == drawn);
        let points = cells
            .filter(|cell| cell.variant == variant)
            .map(|cell| (f64::from(cell.endpoints), median(cell.runs.iter().map(|run| run.rate))));
        Series { name: variant.label().replace('`', ""), points: points.collect() }
    });
    plot::lines(
        &store.folder().join("pools.svg"),
        "Requests per second of one core",
        ("endpoints of the pool", "requests per second"),
        &series.collect::<Vec<_>>(),
    )?;
    tables.push_str(&image(store, "pools.svg", "Requests per second by the number of endpoints"));
    let mut targets = Vec::new();
    for (variant, limit) in TARGETS {
        for cell in figures.cells.iter().filter(|cell| cell.variant == variant) {
            let Some(reached) = share(figures, cell, Variant::RoundRobin) else { continue };
            let what = format!(
                "{} among {}, {} connections: share of `round_robin`'s requests per core",
                variant.label(),
                cell.endpoints,
                cell.connections,
            );
            targets.push(Target::at_least(what, reached, limit));
        }
    }
    Ok(Part { tables, targets })
}

/// How much of the picker's cost is Proxy-Wasm's own, and its calls'.
fn calls(figures: &Rates) -> String {
    let mut table = "\nBy CPU time, in the same round, 1.00 being as cheap: a Wasm filter that does nothing, one that makes the picker's calls and names endpoints in turn, and the picker beside that one.\n\n\
         | Endpoints | Connections | does nothing, to `round_robin` | calls alone, to `round_robin` | our picker, to calls alone |\n\
         |---:|---:|---:|---:|---:|\n"
        .to_owned();
    for picker in figures.cells.iter().filter(|cell| cell.variant == Variant::Picker) {
        let of = |variant| {
            let cell = beside(figures, picker, variant)?;
            share(figures, cell, Variant::RoundRobin)
        };
        let _ = writeln!(
            table,
            "| {} | {} | {} | {} | {} |",
            picker.endpoints,
            picker.connections,
            spread(of(Variant::Idle)),
            spread(of(Variant::Turn)),
            spread(share(figures, picker, Variant::Turn)),
        );
    }
    table
}

/// The cell of a variant among as many endpoints under as many connections.
fn beside<'a>(figures: &'a Rates, cell: &Cell, variant: Variant) -> Option<&'a Cell> {
    let load = |c: &Cell| (c.endpoints, c.connections);
    figures.cells.iter().find(|other| other.variant == variant && load(other) == load(cell))
}

/// How many requests a core serves, to how many it serves with the variant `floor`.
fn share(figures: &Rates, cell: &Cell, floor: Variant) -> Option<Spread> {
    ratio(figures, cell, floor, |floor, run| floor.cpu / run.cpu)
}

/// What comes out of the run of the variant `floor` among as many under as many, and this
/// one, of each round.
fn ratio(
    figures: &Rates,
    cell: &Cell,
    floor: Variant,
    of: impl Fn(&Run, &Run) -> f64,
) -> Option<Spread> {
    let floor = beside(figures, cell, floor)?;
    Spread::of(floor.runs.iter().zip(&cell.runs).map(|(floor, run)| of(floor, run)))
}

pub(super) fn refresh(stored: &Stored<Vec<Refresh>>, _: &Store) -> Result<Part, PlotError> {
    let mut tables = head(stored, "");
    tables.push_str(
        "\n| Endpoints | metrics of each | asked every | Envoy's cores | scrapes/s | metrics MB/s |\n\
         |---:|---:|---:|---:|---:|---:|\n",
    );
    let mut targets = Vec::new();
    for figures in &stored.figures {
        let Refresh { endpoints, interval, page, cores, scrapes, .. } = figures;
        let Some(used) = Spread::of(cores.iter().copied()) else { continue };
        let rate = median(scrapes.iter().copied());
        let _ = writeln!(
            tables,
            "| {endpoints} | {} KB | {interval} ms | {} | {rate:.0} | {:.0} |",
            page / 1_000,
            spread(Some(used)),
            rate * *page as f64 / 1e6,
        );
        if *page >= 60_000 {
            let what = format!(
                "refreshing {endpoints} endpoints of {} KB every {interval} ms",
                page / 1_000
            );
            targets.push(Target::below(what, used, CORES, " cores"));
            let asked = f64::from(*endpoints) * 1e3 / *interval as f64;
            if let Some(done) = Spread::of(scrapes.iter().map(|rate| rate / asked)) {
                let what = format!("share of these {asked:.0} scrapes per second that were done");
                targets.push(Target::at_least(what, done, 0.95));
            }
        }
    }
    Ok(Part { tables, targets })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Machine;

    fn cell(variant: Variant, rates: [f64; 3]) -> Cell {
        let run = |rate| Run {
            requests: 1,
            rate,
            cpu: 1e6 / rate,
            busy: 1.0,
            p50: 1,
            p90: 2,
            p99: 3,
            memory: 1,
        };
        Cell { variant, endpoints: 100, connections: 8, idle: 0.0, runs: rates.map(run).to_vec() }
    }

    #[test]
    fn ratios_are_taken_within_a_round_among_as_many_endpoints() {
        let cells = vec![
            // In the second round the machine was half as fast for both.
            cell(Variant::RoundRobin, [100.0, 50.0, 100.0]),
            cell(Variant::Picker, [80.0, 40.0, 70.0]),
            cell(Variant::Turn, [90.0, 40.0, 80.0]),
            Cell { endpoints: 10, ..cell(Variant::RoundRobin, [1e6; 3]) },
            Cell { connections: 256, ..cell(Variant::RoundRobin, [1e6; 3]) },
        ];
        let figures = Rates { envoy: "1.40.0".into(), cells };
        let stored = Stored { machine: Machine::here(), command: "c".into(), figures };
        let folder = std::env::temp_dir();
        let part = pools(&stored, &Store::new(&folder)).unwrap();
        let _ = std::fs::remove_file(folder.join("pools.svg"));
        assert!(part.tables.contains("| 0.80 (0.70–0.80) |"), "{}", part.tables);
        assert!(
            part.tables.contains("| 100 | 8 | – | 0.80 (0.80–0.90) | 0.89 (0.88–1.00) |"),
            "{}",
            part.tables
        );
        assert_eq!(part.targets.len(), 1, "only what was measured is judged");
        assert_eq!(part.targets[0].verdict(), "met");
    }
}
