//! The reference's defaults (GIE v1.5): queue 2, KV cache 2, prefix 3, the largest sum
//! wins, ties at random; where a request names an adapter, LoRA affinity 1 beside them.
//!
//! Its prefix scorer remembers what it sent where, 31,250 blocks per server, and looks at
//! no more than 256 blocks of a prompt. It scrapes every 50 ms and knows nothing of what it
//! sent since. As kindly as may be: its blocks are those of the servers, hashing takes no
//! time, and with one picker for all replicas it knows all that was sent.

use std::collections::VecDeque;

use super::{Layout, Policy, REFERENCE_INTERVAL, Scraping, Seat, best};
use crate::Micros;
use crate::chance::Chance;
use crate::server::{BlockMap, Hardware, Metrics, Server};
use crate::workload::Request;

/// Blocks remembered per server.
const REMEMBERED: usize = 31_250;
/// Blocks of a prompt that count.
const MATCHED: usize = 256;

/// What was sent to one server, least recently sent first out.
#[derive(Debug, Default, Clone)]
pub(super) struct Lru {
    stamps: BlockMap<u64>,
    order: VecDeque<(u64, u64)>,
    stamp: u64,
}

impl Lru {
    pub(super) fn has(&self, hash: u64) -> bool {
        self.stamps.contains_key(&hash)
    }

    pub(super) fn add(&mut self, hash: u64, capacity: usize) {
        self.stamp += 1;
        self.stamps.insert(hash, self.stamp);
        self.order.push_back((self.stamp, hash));
        while self.stamps.len() > capacity || self.order.len() > 8 * capacity {
            let Some((stamp, hash)) = self.order.pop_front() else { return };
            if self.stamps.get(&hash) == Some(&stamp) {
                self.stamps.remove(&hash);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.stamps.len()
    }
}

struct Picker {
    metrics: Vec<Metrics>,
    index: Vec<Lru>,
}

pub(super) struct Reference {
    pickers: Vec<Picker>,
    max_adapters: usize,
}

impl Reference {
    pub(super) fn new(layout: Layout, pickers: usize) -> Self {
        let picker = |_| Picker {
            metrics: vec![Metrics::default(); layout.servers],
            index: vec![Lru::default(); layout.servers],
        };
        let max_adapters = Hardware::a100_8b().max_adapters;
        Self { pickers: (0..pickers).map(picker).collect(), max_adapters }
    }
}

impl Policy for Reference {
    fn scraping(&self) -> Option<Scraping> {
        Some(Scraping { scrapers: self.pickers.len(), interval: REFERENCE_INTERVAL })
    }

    fn scraped(&mut self, scraper: usize, _: Micros, metrics: &[Metrics]) {
        if let Some(picker) = self.pickers.get_mut(scraper) {
            picker.metrics = metrics.to_vec();
        }
    }

    fn pick(
        &mut self,
        seat: Seat,
        request: &Request,
        _: Micros,
        _: &[Server],
        chance: &mut Chance,
    ) -> usize {
        let n = seat.replica % self.pickers.len();
        let Some(picker) = self.pickers.get_mut(n) else { return 0 };
        let prompt = request.prompt_chain();
        let prompt = prompt.get(..MATCHED).unwrap_or(prompt);
        let mut matched = vec![0_u32; picker.index.len()];
        for hash in prompt {
            let mut known = false;
            for (count, index) in matched.iter_mut().zip(&picker.index) {
                if index.has(*hash) {
                    *count += 1;
                    known = true;
                }
            }
            if !known {
                break;
            }
        }
        let least = picker.metrics.iter().map(|m| m.waiting).min().unwrap_or(0);
        let most = picker.metrics.iter().map(|m| m.waiting).max().unwrap_or(0);
        let max_adapters = self.max_adapters;
        let scores = picker.metrics.iter().zip(&matched).map(|(m, matched)| {
            let queue = if most > least {
                f64::from(most - m.waiting) / f64::from(most - least)
            } else {
                1.0
            };
            let prefix = f64::from(*matched) / (prompt.len().max(1)) as f64;
            let kv = 1.0 - f64::from(m.kv_usage);
            2.0 * queue + 2.0 * kv + 3.0 * prefix + lora(request, m, max_adapters)
        });
        let chosen = best(scores, chance);
        if let Some(index) = picker.index.get_mut(chosen) {
            prompt.iter().for_each(|hash| index.add(*hash, REMEMBERED));
        }
        chosen
    }
}

fn lora(request: &Request, metrics: &Metrics, max: usize) -> f64 {
    let Some(adapter) = request.adapter else { return 0.0 };
    if metrics.running_adapters.contains(&adapter) {
        1.0
    } else if metrics.running_adapters.len() + metrics.waiting_adapters.len() < max {
        0.8
    } else if metrics.waiting_adapters.contains(&adapter) {
        0.6
    } else {
        0.0
    }
}
