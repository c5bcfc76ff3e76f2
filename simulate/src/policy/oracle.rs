//! Knows every cache and queue at this moment: the earliest first token wins.
//!
//! It does not know the future, so it is no bound; it is what perfect knowledge is worth.

use super::{Policy, Seat, best};
use crate::Micros;
use crate::chance::Chance;
use crate::server::Server;
use crate::workload::Request;

/// What is computed here is not computed for those who wait behind, and pushes out what
/// others will want: worth more than its own time.
const COST_OF_PREFILL: f64 = 2.0;

pub(super) struct Oracle;

impl Policy for Oracle {
    fn pick(
        &mut self,
        _: Seat,
        request: &Request,
        _: Micros,
        truth: &[Server],
        chance: &mut Chance,
    ) -> usize {
        let waiting: u32 = truth.iter().map(|server| server.metrics().waiting).sum();
        let price = COST_OF_PREFILL + f64::from(waiting) / truth.len().max(1) as f64;
        let times = truth.iter().map(|s| -s.time_to_first_token(request, price));
        best(times, chance)
    }
}
