//! The decision tree of GIE v0.x: filter after filter on scraped metrics, a random one of
//! what is left. Requests count as critical, so none is shed.

use super::{Layout, Policy, REFERENCE_INTERVAL, Scraping, Seat};
use crate::Micros;
use crate::chance::Chance;
use crate::server::{Metrics, Server};
use crate::workload::Request;

/// Below this many waiting requests adapters come before queues.
const LOW_QUEUE: u32 = 128;

/// How often the servers that have the adapter are kept, if there are any.
const ADAPTER_AFFINITY: f64 = 0.999;

pub(super) struct Tree {
    metrics: Vec<Metrics>,
    max_adapters: usize,
}

impl Tree {
    pub(super) fn new(layout: Layout) -> Self {
        let metrics = vec![Metrics::default(); layout.servers];
        Self { metrics, max_adapters: crate::server::Hardware::a100_8b().max_adapters }
    }

    fn of(&self, place: usize) -> Metrics {
        self.metrics.get(place).cloned().unwrap_or_default()
    }

    /// Those in the lowest part of the range, which is cut in as many parts as there are.
    fn lowest(&self, places: Vec<usize>, value: impl Fn(&Metrics) -> f64) -> Vec<usize> {
        let values: Vec<_> = places.iter().map(|place| value(&self.of(*place))).collect();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let limit = least + (most - least) / places.len() as f64;
        let kept = places.iter().zip(values).filter(|(_, value)| *value <= limit);
        kept.map(|(place, _)| *place).collect()
    }

    fn least_queue(&self, places: Vec<usize>) -> Vec<usize> {
        // In whole requests, as there.
        let queue = |metrics: &Metrics| f64::from(metrics.waiting);
        self.lowest(places, queue)
    }

    fn adapters(&self, places: Vec<usize>, request: &Request, chance: &mut Chance) -> Vec<usize> {
        let Some(adapter) = request.adapter else { return places };
        let of = |place: &usize| self.of(*place);
        let has = |m: &Metrics| {
            m.running_adapters.contains(&adapter) || m.waiting_adapters.contains(&adapter)
        };
        let active = |m: &Metrics| m.running_adapters.len() + m.waiting_adapters.len();
        let with: Vec<_> = places.iter().copied().filter(|p| has(&of(p))).collect();
        let room: Vec<_> = places
            .iter()
            .copied()
            .filter(|p| !has(&of(p)) && active(&of(p)) < self.max_adapters)
            .collect();
        match (with.is_empty(), room.is_empty()) {
            (true, true) => places,
            (true, false) => room,
            (false, true) => with,
            (false, false) if chance.unit() < ADAPTER_AFFINITY => with,
            (false, false) => room,
        }
    }
}

impl Policy for Tree {
    fn scraping(&self) -> Option<Scraping> {
        Some(Scraping { scrapers: 1, interval: REFERENCE_INTERVAL })
    }

    fn scraped(&mut self, _: usize, _: Micros, metrics: &[Metrics]) {
        self.metrics = metrics.to_vec();
    }

    fn pick(
        &mut self,
        _: Seat,
        request: &Request,
        _: Micros,
        _: &[Server],
        chance: &mut Chance,
    ) -> usize {
        let all: Vec<_> = (0..self.metrics.len()).collect();
        let low: Vec<_> =
            all.iter().copied().filter(|p| self.of(*p).waiting <= LOW_QUEUE).collect();
        let left = if low.is_empty() {
            let left = self.least_queue(all);
            self.adapters(left, request, chance)
        } else {
            let left = self.adapters(low, request, chance);
            self.least_queue(left)
        };
        let left = self.lowest(left, |metrics| f64::from(metrics.kv_usage));
        left.get(chance.below(left.len())).copied().unwrap_or(0)
    }
}
