//! What any proxy can do: each worker goes by its own count.

use super::{Layout, Policy, Seat, best};
use crate::Micros;
use crate::chance::Chance;
use crate::server::Server;
use crate::workload::Request;

/// How to choose.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    Random,
    RoundRobin,
    Least,
    OfTwo,
}

/// Each worker's counts.
pub(super) struct Simple {
    layout: Layout,
    rule: Rule,
    /// Requests in flight per seat and server.
    in_flight: Vec<Vec<u32>>,
    next: Vec<usize>,
}

impl Simple {
    pub(super) fn new(layout: Layout, rule: Rule) -> Self {
        let in_flight = vec![vec![0; layout.servers]; layout.seats()];
        // Workers that start at the same server would march in step.
        let next = (0..layout.seats()).map(|n| n * 5).collect();
        Self { layout, rule, in_flight, next }
    }
}

impl Policy for Simple {
    fn pick(
        &mut self,
        seat: Seat,
        _: &Request,
        _: Micros,
        _: &[Server],
        chance: &mut Chance,
    ) -> usize {
        let (seat, servers) = (self.layout.seat(seat), self.layout.servers);
        let Some(counts) = self.in_flight.get_mut(seat) else { return 0 };
        let chosen = match self.rule {
            Rule::Random => chance.below(servers),
            Rule::RoundRobin => self.next.get_mut(seat).map_or(0, |next| {
                *next += 1;
                *next % servers
            }),
            Rule::Least => best(counts.iter().map(|count| -f64::from(*count)), chance),
            Rule::OfTwo => {
                let (a, b) = (chance.below(servers), chance.below(servers));
                if counts.get(a) <= counts.get(b) { a } else { b }
            }
        };
        counts.get_mut(chosen).into_iter().for_each(|count| *count += 1);
        chosen
    }

    fn done(&mut self, seat: Seat, _: u64, server: usize, _: Micros) {
        let seat = self.layout.seat(seat);
        let count = self.in_flight.get_mut(seat).and_then(|counts| counts.get_mut(server));
        count.into_iter().for_each(|count| *count -= 1);
    }
}
