//! The times of picks in alternating rounds, as JSON lines; natively and under Wasm.

use super::case::{Asking, Case, POOLS};
use crate::stats::Spread;
use crate::timing::{time, warm_up};
use serde::{Deserialize, Serialize};
use std::hint::black_box;

/// The time of one kind of pick.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What is asked.
    pub asking: Asking,
    /// Endpoints of the pool.
    pub endpoints: u16,
    /// Microseconds per pick.
    pub micros: Spread,
}

/// Measures all cases; `None` when a pick went wrong.
#[must_use]
pub fn compare(rounds: usize) -> Option<Vec<Row>> {
    let mut cases = Vec::new();
    for asking in Asking::ALL {
        for endpoints in POOLS {
            let mut case = Case::new(asking, endpoints);
            let repeats = warm_up(|| black_box(&mut case).run())?;
            cases.push((asking, endpoints, case, repeats, Vec::new()));
        }
    }
    for _ in 0..rounds.max(1) {
        for (_, _, case, repeats, times) in &mut cases {
            times.push(time(*repeats, || black_box(&mut *case).run())? / 1e3);
        }
    }
    let rows = cases.into_iter().map(|(asking, endpoints, _, _, times)| {
        Some(Row { asking, endpoints, micros: Spread::of(times)? })
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_time_for_each_case_and_more_endpoints_take_longer() {
        let rows = compare(1).unwrap();
        assert_eq!(rows.len(), Asking::ALL.len() * POOLS.len());
        let of = |endpoints| {
            let row = rows.iter().find(|r| r.asking == Asking::Base && r.endpoints == endpoints);
            row.unwrap().micros.median
        };
        assert!(of(1_000) > of(10));
    }
}
