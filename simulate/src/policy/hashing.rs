//! Consistent hashing with bounded load over the prompt's beginning, as KubeAI describes
//! its `PrefixHash`: the first 100 characters and the adapter are hashed onto a ring of 256
//! points per server; a server above 1.25 times the mean load is passed over. Counts are
//! those of a gateway replica.

use super::{Layout, Policy, Seat};
use crate::Micros;
use crate::chance::{Chance, mix};
use crate::server::Server;
use crate::workload::Request;

const POINTS: u64 = 256;
const LOAD_FACTOR: f64 = 1.25;

pub(super) struct Ring {
    points: Vec<(u64, usize)>,
    /// Requests in flight per replica and server.
    in_flight: Vec<Vec<u32>>,
}

impl Ring {
    pub(super) fn new(layout: Layout) -> Self {
        let servers = 0..layout.servers;
        let mut points: Vec<_> = servers
            .flat_map(|server| (0..POINTS).map(move |n| (mix(server as u64 + 1, n), server)))
            .collect();
        points.sort_unstable();
        Self { points, in_flight: vec![vec![0; layout.servers]; layout.replicas] }
    }
}

impl Policy for Ring {
    fn pick(
        &mut self,
        seat: Seat,
        request: &Request,
        _: Micros,
        _: &[Server],
        _: &mut Chance,
    ) -> usize {
        let Some(counts) = self.in_flight.get_mut(seat.replica) else { return 0 };
        // 100 characters are about 25 tokens: the first block is the nearest whole number.
        let first = request.chain.first().copied().unwrap_or(0);
        let key = mix(first, request.adapter.map_or(0, |adapter| u64::from(adapter) + 1));
        let total: u32 = counts.iter().sum();
        let bound = f64::from(total + 1) / counts.len() as f64 * LOAD_FACTOR;
        let start = self.points.partition_point(|(point, _)| *point < key);
        let ring = self.points.iter().cycle().skip(start).take(self.points.len());
        let fits = |server: &usize| {
            counts.get(*server).is_some_and(|count| f64::from(*count) + 1.0 <= bound.ceil())
        };
        let chosen = ring.map(|(_, server)| *server).find(fits).unwrap_or(0);
        counts.get_mut(chosen).into_iter().for_each(|count| *count += 1);
        chosen
    }

    fn done(&mut self, seat: Seat, _: u64, server: usize, _: Micros) {
        let count = self.in_flight.get_mut(seat.replica).and_then(|c| c.get_mut(server));
        count.into_iter().for_each(|count| *count -= 1);
    }
}
