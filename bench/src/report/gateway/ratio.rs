//! Ratios between variants, each taken within a round.

use crate::envoys::{Protocol, Run};
use crate::gateway::{Cell, Gateway, Variant};
use crate::stats::Spread;

/// The figures under one load.
pub(super) struct Under<'a> {
    pub(super) protocol: Protocol,
    pub(super) connections: usize,
    cells: Vec<&'a Cell>,
}

impl<'a> Under<'a> {
    /// All loads, in the order in which they were measured.
    pub(super) fn all(figures: &'a Gateway) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for cell in &figures.cells {
            let same = |load: &&mut Self| {
                (load.protocol, load.connections) == (cell.protocol, cell.connections)
            };
            match all.iter_mut().find(same) {
                Some(load) => load.cells.push(cell),
                None => {
                    let Cell { protocol, connections, .. } = *cell;
                    all.push(Self { protocol, connections, cells: vec![cell] });
                }
            }
        }
        all
    }

    /// The cells, in the order in which they were measured.
    pub(super) fn cells(&self) -> impl Iterator<Item = &'a Cell> {
        self.cells.iter().copied()
    }

    /// The sizes of the bodies, in bytes.
    pub(super) fn sizes(&self) -> Vec<usize> {
        let mut sizes: Vec<_> = self.cells.iter().map(|cell| cell.size).collect();
        sizes.dedup();
        sizes
    }

    pub(super) fn cell(&self, variant: Variant, size: usize) -> Option<&'a Cell> {
        self.cells().find(|cell| cell.variant == variant && cell.size == size)
    }

    /// What comes out of a variant's and another one's runs, of each round.
    pub(super) fn compare(
        &self,
        (variant, other): (Variant, Variant),
        size: usize,
        of: impl Fn(&Run, &Run) -> f64,
    ) -> Option<Spread> {
        let (cell, other) = (self.cell(variant, size)?, self.cell(other, size)?);
        Spread::of(cell.runs.iter().zip(&other.runs).map(|(run, other)| of(run, other)))
    }

    /// How many times cheaper a variant is than another one, by CPU time per request.
    pub(super) fn cheaper(&self, variant: Variant, than: Variant, size: usize) -> Option<Spread> {
        self.compare((variant, than), size, |run, than| than.cpu / run.cpu)
    }

    /// How many times less a variant adds to the 99th percentile than another one does.
    pub(super) fn adds_less(&self, variant: Variant, than: Variant, size: usize) -> Option<Spread> {
        let base = self.cell(Variant::Nothing, size)?;
        let (ours, theirs) = (self.cell(variant, size)?, self.cell(than, size)?);
        let rounds = base.runs.iter().zip(&ours.runs).zip(&theirs.runs);
        Spread::of(rounds.map(|((base, ours), theirs)| {
            // Less than a twentieth is not seen in the noise, and counts as that.
            let least = (base.p99 / 20).max(1);
            let added = |run: &Run| f64::from(run.p99.saturating_sub(base.p99).max(least));
            added(theirs) / added(ours)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(variant: Variant, cpu: [f64; 3], p99: u32) -> Cell {
        let run =
            |cpu| Run { requests: 1, rate: 1.0, cpu, busy: 1.0, p50: 1, p90: 2, p99, memory: 1 };
        let runs = cpu.map(run).to_vec();
        Cell { variant, size: 8_000, protocol: Protocol::H1, connections: 8, runs }
    }

    #[test]
    fn ratios_are_taken_within_a_round_and_by_load() {
        let cells = vec![
            // In the second round the machine was twice as slow for both.
            cell(Variant::Buffer, [50.0, 100.0, 50.0], 100),
            cell(Variant::Complete, [100.0, 200.0, 125.0], 100),
            Cell { connections: 256, ..cell(Variant::Complete, [1.0; 3], 1) },
        ];
        let figures = Gateway { envoy: "1.40.0".into(), cells, memory: Vec::new() };
        let all = Under::all(&figures);
        assert_eq!(all.len(), 2);
        let cheaper = all[0].cheaper(Variant::Complete, Variant::Buffer, 8_000).unwrap();
        assert_eq!(cheaper, Spread { median: 0.5, min: 0.4, max: 0.5 });
        assert_eq!(all[0].cheaper(Variant::Complete, Variant::Buffer, 300), None);
        assert_eq!(all[1].cheaper(Variant::Complete, Variant::Buffer, 8_000), None);
    }

    #[test]
    fn added_latency_is_what_is_beyond_that_without_a_filter() {
        let cells = vec![
            cell(Variant::Nothing, [1.0; 3], 100),
            cell(Variant::Complete, [1.0; 3], 150),
            cell(Variant::ExtProcDuplex, [1.0; 3], 600),
            cell(Variant::Buffer, [1.0; 3], 90),
        ];
        let figures = Gateway { envoy: "1.40.0".into(), cells, memory: Vec::new() };
        let load = &Under::all(&figures)[0];
        let less = |variant| load.adds_less(variant, Variant::ExtProcDuplex, 8_000).unwrap().median;
        assert_eq!(less(Variant::Complete), 10.0);
        assert_eq!(less(Variant::Buffer), 100.0);
    }
}
