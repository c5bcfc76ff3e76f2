//! Reading bodies in Envoy: tables, plots, targets.

mod judged;
mod ratio;
mod tables;

use super::plot::{self, PlotError, Series};
use super::{Part, head, image, median};
use crate::envoys::{Protocol, Run};
use crate::gateway::{Gateway, Variant};
use crate::store::{Store, Stored};
use ratio::Under;

/// The load that targets are judged under, if it was measured.
const JUDGED: (Protocol, usize) = (Protocol::H1, 8);

pub(super) fn gateway(stored: &Stored<Gateway>, store: &Store) -> Result<Part, PlotError> {
    let figures = &stored.figures;
    let rounds = figures.cells.iter().map(|cell| cell.runs.len()).max().unwrap_or(0);
    let mut text = head(stored, &format!("; Envoy {}; {rounds} rounds", figures.envoy));
    let loads = Under::all(figures);
    let judged = loads.iter().find(|load| (load.protocol, load.connections) == JUDGED);
    let mut targets = Vec::new();
    if let Some(load) = judged.or(loads.first()) {
        tables::floor(&mut text, load);
        tables::rivals(&mut text, load);
        targets = judged::targets(load);
        for (file, what, unit, of) in PLOTS {
            plot::lines(
                &store.folder().join(file),
                what,
                ("bytes of the body", unit),
                &series(load, of),
            )?;
            text.push_str(&image(store, file, what));
        }
    }
    for load in &loads {
        tables::all(&mut text, load);
    }
    tables::memory(&mut text, figures);
    Ok(Part { tables: text, targets })
}

type Of = fn(&Run) -> f64;
const PLOTS: [(&str, &str, &str, Of); 2] = [
    ("gateway-cpu.svg", "CPU time per request, helpers included", "microseconds", |run| run.cpu),
    ("gateway-p99.svg", "99th percentile of a request's time", "microseconds", |run| {
        f64::from(run.p99)
    }),
];

fn series(load: &Under<'_>, of: Of) -> Vec<Series> {
    let line = |&variant: &Variant| {
        let points = load.sizes().into_iter().filter_map(|size| {
            let cell = load.cell(variant, size)?;
            Some((size as f64, median(cell.runs.iter().map(of))))
        });
        Series { name: variant.label().replace('`', ""), points: points.collect() }
    };
    Variant::ALL.iter().map(line).collect()
}
