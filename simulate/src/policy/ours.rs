//! This project's picker: `shared`'s own pools and picks, one per worker, fed as the filter
//! feeds them. A replica's scraper asks every 200 ms. Ticks come every 20 ms: a worker's
//! counts are reported on its own, published on the scraper's and taken over on another
//! worker's, which is 30 ms on average; what was sent where is told every 100 ms. Replicas
//! know nothing of each other.

use std::collections::HashMap;
use std::net::SocketAddr;

use shared::pools::{EndpointId, Millis};
use shared::random::Random;
use shared::scheduling::{
    AdapterKey, Adapters, Health, Observation, PickRequest, Pool, Prefill, Profile, Prompt, Scorer,
    Started, Update, Weighted,
};

use super::{Layout, Policy, Scraping, Seat};
use crate::chance::{Chance, mix};
use crate::server::{Metrics, Server};
use crate::workload::Request;
use crate::{BLOCK_TOKENS, Micros, SECOND};

const INTERVAL: Micros = SECOND / 5;
const TICK: Micros = SECOND / 50;
/// Between two exchanges of what was sent where; the filter's, too.
const NEWS: Micros = SECOND / 10;

/// Tokens of a block of the digest (`blockTokens`), the filter's default: so a chain reaches
/// 8,192 tokens, past most prompts of the workloads.
pub const DIGEST_BLOCK_TOKENS: u32 = 64;
/// Blocks of a chain (`maxBlocks`), the filter's default.
pub const DIGEST_BLOCKS: usize = 128;

/// Which scorers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// The recommended profile on requests whose prompt nobody digested.
    NoPrefix,
    /// The recommended profile.
    Recommended,
    /// The recommended profile on digests whose blocks are the servers', of 16 tokens: what
    /// is behind 2,048 tokens is not known.
    ShortDigest,
    /// The reference's scorers on what this project knows.
    Classic,
    /// Rendezvous hashing with bounded load, and nothing that is learned.
    Stateless,
}

impl Variant {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoPrefix => "ours, without prompts",
            Self::Recommended => "ours",
            Self::ShortDigest => "ours, 2,048 tokens digested",
            Self::Classic => "ours, reference's scorers",
            Self::Stateless => "ours, rendezvous alone",
        }
    }

    fn profile(self) -> Profile {
        let scorers: &[(Scorer, f32)] = match self {
            Self::NoPrefix | Self::Recommended | Self::ShortDigest => {
                return Profile::recommended();
            }
            Self::Classic => &[(Scorer::Queue, 2.0), (Scorer::KvCache, 2.0), (Scorer::Prefix, 3.0)],
            Self::Stateless => &[
                (Scorer::Load, 3.0),
                (Scorer::KvCache, 1.0),
                (Scorer::Adapter, 2.0),
                (Scorer::PrefixAffinity, 6.0),
            ],
        };
        let weighted = scorers.iter().map(|&(scorer, weight)| Weighted { scorer, weight });
        let profile = Profile::recommended();
        profile.clone().with_scorers(weighted.collect()).unwrap_or(profile)
    }
}

/// The chain that the BBR filter makes of a prompt whose servers' blocks these are.
fn digest(blocks: &[u64], block_tokens: u32) -> Vec<u64> {
    let of_one = (block_tokens / BLOCK_TOKENS).max(1) as usize;
    let ends = blocks.chunks_exact(of_one).filter_map(|block| block.last().copied());
    ends.take(DIGEST_BLOCKS).collect()
}

/// The simulated clock begins some day.
fn millis(now: Micros) -> Millis {
    Millis(1_700_000_000_000 + now / 1_000)
}

struct Worker {
    pool: Pool,
    random: Random,
}

impl Worker {
    /// What it has in flight, by server: in all, since the last scrape, over.
    fn counts(&self) -> Vec<(u32, u32, u32)> {
        let of = self.pool.endpoints().iter().map(|endpoint| &endpoint.in_flight);
        of.map(|own| (own.total(), own.fresh(), own.over())).collect()
    }
}

/// All workers.
pub struct Ours {
    layout: Layout,
    profile: Profile,
    told: bool,
    /// Tokens of the digest's blocks.
    block_tokens: u32,
    ids: Vec<EndpointId>,
    workers: Vec<Worker>,
    /// The latest scrape of each replica.
    seen: Vec<Vec<Observation>>,
    /// Each worker's counts a tick ago.
    counted: Vec<Vec<(u32, u32, u32)>>,
    /// When workers last told what they sent where.
    told_at: Micros,
    open: HashMap<u64, (Option<Started>, Option<Prefill>)>,
}

impl Ours {
    /// Workers that know the servers' addresses and nothing else.
    #[must_use]
    pub fn new(layout: Layout, variant: Variant, seed: u64) -> Self {
        let id = |n: usize| EndpointId::from(SocketAddr::from(([10, 0, 0, n as u8 + 1], 8000)));
        let ids: Vec<_> = (0..layout.servers).map(id).collect();
        let worker = |n: usize| {
            let mut pool = Pool::default();
            pool.update(ids.iter().map(|id| update(*id, None, (0, 0, 0))).collect());
            Worker { pool, random: Random::new(mix(seed, n as u64)) }
        };
        Self {
            layout,
            profile: variant.profile(),
            told: variant != Variant::NoPrefix,
            block_tokens: match variant {
                Variant::ShortDigest => BLOCK_TOKENS,
                _ => DIGEST_BLOCK_TOKENS,
            },
            workers: (0..layout.seats()).map(worker).collect(),
            counted: vec![vec![(0, 0, 0); layout.servers]; layout.seats()],
            told_at: 0,
            ids,
            seen: vec![Vec::new(); layout.replicas],
            open: HashMap::new(),
        }
    }
}

fn update(id: EndpointId, observation: Option<Observation>, others: (u32, u32, u32)) -> Update {
    let (others_in_flight, others_fresh, others_over) = others;
    let health = Health::Ready;
    Update { id, health, observation, others_in_flight, others_fresh, others_over }
}

fn adapter(n: u16) -> AdapterKey {
    AdapterKey::of(&format!("adapter-{n}"))
}

impl Policy for Ours {
    fn scraping(&self) -> Option<Scraping> {
        Some(Scraping { scrapers: self.layout.replicas, interval: INTERVAL })
    }

    fn tick(&self) -> Option<Micros> {
        Some(TICK)
    }

    fn scraped(&mut self, scraper: usize, at: Micros, metrics: &[Metrics]) {
        let keys = |of: &[u16]| of.iter().map(|n| adapter(*n)).collect();
        let observation = |metrics: &Metrics| Observation {
            at: millis(at),
            waiting: Some(metrics.waiting),
            running: Some(metrics.running),
            kv_usage: Some(metrics.kv_usage),
            cache_tokens: Some(metrics.cache_tokens),
            adapters: Adapters {
                max: Some(metrics.max_adapters),
                running: keys(&metrics.running_adapters),
                waiting: keys(&metrics.waiting_adapters),
                loaded: Vec::new(),
            },
            ..Observation::default()
        };
        if let Some(seen) = self.seen.get_mut(scraper) {
            *seen = metrics.iter().map(observation).collect();
        }
    }

    fn ticked(&mut self, now: Micros) {
        let telling = now >= self.told_at + NEWS;
        if telling {
            self.told_at = now;
        }
        let counts: Vec<Vec<_>> = self.workers.iter().map(Worker::counts).collect();
        let counted = std::mem::replace(&mut self.counted, counts);
        let replicas = self.workers.chunks_mut(self.layout.workers);
        let counted = counted.chunks(self.layout.workers);
        for ((workers, counts), seen) in replicas.zip(counted).zip(&self.seen) {
            let news: Vec<_> = if telling {
                workers.iter_mut().map(|w| w.pool.take_prefix_news()).collect()
            } else {
                Vec::new()
            };
            for (n, worker) in workers.iter_mut().enumerate() {
                let updates = self.ids.iter().enumerate().map(|(place, id)| {
                    let others = counts.iter().enumerate().filter(|(other, _)| *other != n);
                    let sum = others
                        .filter_map(|(_, of)| of.get(place))
                        .fold((0, 0, 0), |sum: (u32, u32, u32), of| {
                            (sum.0 + of.0, sum.1 + of.1, sum.2 + of.2)
                        });
                    update(*id, seen.get(place).cloned(), sum)
                });
                worker.pool.update(updates.collect());
                for (other, news) in news.iter().enumerate() {
                    if other != n {
                        worker.pool.hear_prefix_news(news, millis(now));
                    }
                }
            }
        }
    }

    fn pick(
        &mut self,
        seat: Seat,
        request: &Request,
        now: Micros,
        _: &[Server],
        _: &mut Chance,
    ) -> usize {
        let seat = self.layout.seat(seat);
        let Some(Worker { pool, random }) = self.workers.get_mut(seat) else { return 0 };
        let chain = digest(request.prompt_chain(), self.block_tokens);
        let prompt = Prompt {
            chain: &chain,
            block_tokens: self.block_tokens,
            prompt_tokens: request.prompt_tokens,
        };
        let asked = PickRequest {
            adapter: request.adapter.map(adapter),
            prompt: self.told.then_some(prompt),
            ..PickRequest::default()
        };
        let now = millis(now);
        let pick = pool.pick(&asked, &self.profile, now, random);
        let place = pick.ok().and_then(|pick| pick.ranked().first().map(|best| best.place));
        let place = place.unwrap_or(0);
        if let Some(id) = self.ids.get(place) {
            let started = pool.start(*id, asked.adapter, now);
            let prefill =
                asked.prompt.and_then(|prompt| pool.start_prompt(*id, &prompt, asked.adapter, now));
            self.open.insert(request.id, (started, prefill));
        }
        place
    }

    fn first_byte(&mut self, seat: Seat, request: u64, _: usize, now: Micros) {
        let seat = self.layout.seat(seat);
        if let Some((_, prefill)) = self.open.get_mut(&request)
            && let (Some(prefill), Some(worker)) = (prefill.take(), self.workers.get_mut(seat))
        {
            worker.pool.first_byte(prefill, millis(now));
        }
    }

    fn done(&mut self, seat: Seat, request: u64, _: usize, now: Micros) {
        let seat = self.layout.seat(seat);
        if let Some((Some(started), _)) = self.open.remove(&request)
            && let Some(worker) = self.workers.get_mut(seat)
        {
            worker.pool.end(started, millis(now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_the_filter_s_default() {
        let default = shared::bbr::PromptDigestConfig::default();
        assert_eq!(default.block_tokens, DIGEST_BLOCK_TOKENS);
        assert_eq!(usize::try_from(default.max_blocks), Ok(DIGEST_BLOCKS));
    }

    #[test]
    fn a_digest_s_block_ends_where_a_server_s_does_and_the_chain_is_bounded() {
        let blocks: Vec<u64> = (1..=1_000).collect();
        assert_eq!(digest(&blocks[..11], 64), [4, 8]);
        assert_eq!(digest(&blocks[..3], 16), [1, 2, 3]);
        let whole = digest(&blocks, 64);
        assert_eq!((whole.len(), whole.last()), (DIGEST_BLOCKS, Some(&512)));
    }
}
