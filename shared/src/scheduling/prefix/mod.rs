//! Where a prompt's beginning is likely to be cached, and what that is worth.
//!
//! Two sources: a ranking that every worker of every gateway replica computes alike from
//! the prompt alone ([`rendezvous`]), and what this worker and its neighbours sent where
//! ([`index`]). [`cost`] turns both, with the queues, into the time to the first token.
//!
//! Invariant: bounded in memory whatever is sent, and of no effect on picks whose profile
//! has none of these scorers.
//!
//! Rejected: asking the servers what they hold. Their events are a stream per server to
//! each gateway, and a filter has no socket.

mod backlog;
mod cost;
mod index;
mod rendezvous;
#[cfg(test)]
mod tests;

pub(super) use backlog::Backlog;
pub use cost::LearnedSpeed;
use cost::Speed;
pub use index::News;
use index::{Index, STRIDE};
use rendezvous::{Level, chance, weight};

use super::adapters::AdapterKey;
use super::endpoint::Endpoint;
use super::float::{larger, smaller};
use crate::pools::{EndpointId, Millis};

/// What is known of a request's prompt.
#[derive(Debug, Clone, Copy, Default)]
pub struct Prompt<'a> {
    /// Chained hashes of its full blocks, the first block first.
    pub chain: &'a [u64],
    /// Tokens of a block, at least 1.
    pub block_tokens: u32,
    /// Tokens of all.
    pub prompt_tokens: u32,
}

/// A prompt on its way to a first token; handed back to
/// [`Pool::first_byte`](super::Pool::first_byte) when it comes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prefill {
    pub(super) endpoint: EndpointId,
    /// Where it stands in the endpoint's backlog.
    pub(super) mark: f64,
    /// Tokens expected to be computed until its first.
    work: f32,
    at: Millis,
}

impl Prefill {
    /// When the prompt was sent.
    #[must_use]
    pub fn sent_at(&self) -> Millis {
        self.at
    }
}

/// How candidates are ordered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ranking {
    /// Whether it is found out who has which rank: it takes a sort.
    pub(super) ranked: bool,
    /// Whether the endpoints' caches are of more than one size.
    pub(super) caches_differ: bool,
}

/// What is expected of one candidate.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Estimate {
    /// Share of the prompt that was sent there, 0 to 1: the reference's prefix score.
    pub(super) matched: f32,
    /// By the ranking, 1 for the first that is not overloaded.
    pub(super) affinity: f32,
    /// Tokens to compute until the first token.
    work: f32,
    /// Of these, for the prompt itself.
    uncached: f32,
    /// How far down the chain the ranking leads to it, in blocks.
    reach: usize,
    /// How far it is from those that the ranking gives the adapter, 0 to 1.
    adapter: f32,
}

/// What a candidate is besides its endpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) place: usize,
    /// Expected load, in running requests.
    pub(super) load: f32,
    pub(super) waiting: f32,
    /// Whether the request's adapter is there, as far as is known.
    pub(super) adapter: Residence,
}

/// Whether a request's adapter is at an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Residence {
    /// It is, or none is asked for.
    There,
    /// A slot is free.
    Room,
    /// Another would have to go.
    Full,
}

/// One worker's knowledge of prompts.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    index: Index,
    speed: Speed,
    /// How much of what this worker had not seen in a prompt the others are likely to
    /// have sent where the ranking says, 0 to 1.
    returning: f32,
    /// Tokens that a prompt has to be computed for, on average.
    typical: f32,
    /// By place in the pool; meaningful for the candidates of the last pick.
    estimates: Vec<Estimate>,
    /// The candidates of the last pick, in the order of their places.
    standings: Vec<Standing>,
    /// Their order.
    order: Vec<Weighed>,
    /// Of the last pick: the chain's last hash.
    tip: Option<u64>,
    known: usize,
}

/// A candidate's place in the pool and its weight in one number, which sorts faster than two.
/// The heaviest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Weighed(u64);

impl Weighed {
    /// A weight is never negative, so its bits are in the order of its values; a place is less
    /// than 2³².
    fn new(weight: f32, place: usize) -> Self {
        Self(u64::from(!weight.to_bits()) << 32 | place as u64)
    }

    fn place(self) -> usize {
        self.0 as u32 as usize
    }
}

/// A server takes no more than so many times the mean load by affinity alone.
const BOUND: f32 = 1.25;

/// What is computed for one request pushes out blocks that others want, and is not computed
/// for those behind it: it counts so often, and once more for each request that waits on
/// average. Without that, a busy pool copies its prompts everywhere and gets busier.
const COST_OF_PREFILL: f32 = 2.0;

/// What a request that runs costs another one, in prompt tokens: it takes part in each step.
const COST_OF_RUNNING: f32 = 20.0;

/// What loading an adapter costs, in prompt tokens: a few tenths of a second in which the
/// server does nothing else.
const COST_OF_ADAPTER: f32 = 8_000.0;

/// A difference of this many milliseconds halves the score.
const HALF_SCORE: f32 = 100.0;

/// A worker is one of several, so it recognizes a part of what returns.
const WORKERS: f32 = 4.0;

impl Prefixes {
    /// Estimates what each candidate needs until the first token.
    pub(super) fn estimate(
        &mut self,
        prompt: &Prompt<'_>,
        adapter: Option<AdapterKey>,
        candidates: impl Iterator<Item = Standing>,
        endpoints: &[Endpoint],
        ranking: Ranking,
        now: Millis,
    ) {
        self.estimates.clear();
        self.estimates.resize(endpoints.len(), Estimate::default());
        self.standings.clear();
        self.standings.extend(candidates);
        self.tip = prompt.chain.last().copied();
        let depths = self.index.look(prompt.chain, now);
        self.known = depths.seen;
        self.rank(prompt, adapter, endpoints, ranking, now);
        if ranking.ranked {
            self.note_affinity();
        }
        let count = self.standings.len().max(1) as f32;
        let waiting = self.standings.iter().map(|s| s.waiting).filter(|waiting| !waiting.is_nan());
        let price = COST_OF_PREFILL + waiting.sum::<f32>() / count;
        let tokens = prompt.prompt_tokens.max(1) as f32;
        let block = prompt.block_tokens.max(1) as f32;
        let blocks = prompt.chain.len().max(1) as f32;
        let per_token = self.speed.per_token();
        for &Standing { place, load, waiting, adapter } in &self.standings {
            let (Some(estimate), Some(endpoint)) =
                (self.estimates.get_mut(place), endpoints.get(place))
            else {
                continue;
            };
            let sent = depths.of(endpoint.key) as f32;
            estimate.matched = smaller(sent / blocks, 1.0);
            let reached = estimate.reach as f32;
            let expected = sent + self.returning * larger(reached - sent, 0.0);
            estimate.uncached = larger(tokens - block * expected, 1.0);
            let waiting = if waiting.is_nan() { 0.0 } else { waiting };
            let backlog = endpoint.backlog.left(now, per_token);
            let queue = larger(backlog, waiting * self.typical)
                + endpoint.others_fresh as f32 * self.typical;
            // Where everybody would send the adapter it is likely to come anyway.
            let expected = 0.25 + 0.75 * estimate.adapter;
            let load_adapter = match adapter {
                Residence::There => 0.0,
                Residence::Room => expected * COST_OF_ADAPTER,
                Residence::Full => (expected + 1.0) * COST_OF_ADAPTER,
            };
            estimate.work =
                load_adapter + queue + price * estimate.uncached + COST_OF_RUNNING * load;
        }
    }

    /// Orders the candidates as every worker would, and notes how far each is reached.
    fn rank(
        &mut self,
        prompt: &Prompt<'_>,
        adapter: Option<AdapterKey>,
        endpoints: &[Endpoint],
        ranking: Ranking,
        now: Millis,
    ) {
        self.order.clear();
        self.order.extend(self.standings.iter().map(|standing| Weighed::new(0.0, standing.place)));
        let mut kept = self.order.len();
        if let Some(hash) = adapter.map(AdapterKey::number) {
            let most = rendezvous::spread(self.index.share(hash, now), kept);
            // Whoever is left behind is as far behind as its rank says.
            let ranking = Ranking { ranked: ranking.ranked || most < kept, ..ranking };
            let level = Level { hash, blocks: 0, endpoints: most };
            kept = self.narrow(level, kept, endpoints, ranking);
            let behind = self.order.len() as f32;
            for (n, weighed) in self.order.iter().enumerate().skip(kept) {
                if let Some(estimate) = self.estimates.get_mut(weighed.place()) {
                    estimate.adapter = n as f32 / behind;
                }
            }
        }
        let levels = rendezvous::levels(self.order.len(), prompt.chain, STRIDE, &|hash| {
            self.index.share(hash, now)
        });
        for level in levels {
            kept = self.narrow(level, kept, endpoints, ranking);
            for weighed in self.order.iter().take(kept) {
                if let Some(estimate) = self.estimates.get_mut(weighed.place()) {
                    estimate.reach = level.blocks;
                }
            }
        }
    }

    /// Brings those of the first `kept` to the front that a level gives most weight, in their
    /// order if that is wanted; how many of them it keeps.
    fn narrow(
        &mut self,
        level: Level,
        kept: usize,
        endpoints: &[Endpoint],
        Ranking { ranked, caches_differ }: Ranking,
    ) -> usize {
        let keeps = level.endpoints.min(kept);
        let Some(survivors) = self.order.get_mut(..kept) else { return kept };
        if keeps == kept && !ranked {
            return kept;
        }
        let weigh = |endpoint: &Endpoint| {
            if caches_differ {
                weight(level.hash, endpoint.key, endpoint.cache)
            } else {
                chance(level.hash, endpoint.key)
            }
        };
        for weighed in survivors.iter_mut() {
            let place = weighed.place();
            *weighed = Weighed::new(endpoints.get(place).map_or(0.0, weigh), place);
        }
        if ranked {
            survivors.sort_unstable();
        } else if let Some(last) = keeps.checked_sub(1) {
            // `last` is below `kept`, which is their number.
            survivors.select_nth_unstable(last);
        }
        keeps
    }

    /// Notes who comes where in the order, of those that are not overloaded.
    fn note_affinity(&mut self) {
        let count = self.standings.len().max(1) as f32;
        let total_load: f32 = self.standings.iter().map(|standing| standing.load).sum();
        let bound = BOUND * (total_load + 1.0) / count;
        // The least loaded is below any mean, so somebody always is.
        let mut rank = 0.0;
        for place in self.order.iter().map(|weighed| weighed.place()) {
            // Candidates come in the order of their places.
            let standing = self.standings.binary_search_by_key(&place, |standing| standing.place);
            let standing = standing.ok().and_then(|which| self.standings.get(which));
            if standing.is_some_and(|standing| standing.load <= bound)
                && let Some(estimate) = self.estimates.get_mut(place)
            {
                estimate.affinity = 1.0 - rank / count;
                rank += 1.0;
            }
        }
    }

    /// The estimate of a place, if the last pick had one.
    pub(super) fn of(&self, place: usize) -> Estimate {
        self.estimates.get(place).copied().unwrap_or_default()
    }

    /// Whether times can be told.
    pub(super) fn has_learned(&self) -> bool {
        self.speed.is_learned()
    }

    /// 1 for the least work, half where the first token comes so much later.
    pub(super) fn score(&self, estimate: Estimate, least: f32) -> f32 {
        let later = self.speed.per_token() * larger(estimate.work - least, 0.0);
        HALF_SCORE / (HALF_SCORE + later)
    }

    /// The least work among the candidates.
    pub(super) fn least(&self, places: impl Iterator<Item = usize>) -> f32 {
        places.map(|place| self.of(place).work).fold(f32::INFINITY, smaller)
    }

    /// A prompt was sent.
    pub(super) fn sent(
        &mut self,
        place: usize,
        endpoint: &mut Endpoint,
        prompt: &Prompt<'_>,
        adapter: Option<AdapterKey>,
        now: Millis,
    ) -> Prefill {
        let whole = prompt.prompt_tokens.max(1) as f32;
        let looked = self.tip.is_some() && self.tip == prompt.chain.last().copied();
        let uncached = if looked { self.of(place).uncached } else { whole };
        if looked && prompt.chain.len() >= STRIDE {
            // Past what everybody sends, how much had been here before?
            let popular =
                rendezvous::popular(prompt.chain, STRIDE, |hash| self.index.share(hash, now));
            let own = prompt.chain.len().saturating_sub(popular) as f32;
            let seen = self.known.saturating_sub(popular) as f32;
            if own >= STRIDE as f32 {
                let share = (WORKERS * seen / own).min(1.0);
                self.returning += 0.02 * (share - self.returning);
            }
        }
        self.typical += 0.05 * (uncached - self.typical);
        self.index.add(prompt.chain, adapter.map(AdapterKey::number), endpoint.key, now);
        let speed = self.speed.per_token();
        let work = endpoint.backlog.left(now, speed) + uncached;
        let mark = endpoint.backlog.send(uncached, now, speed);
        Prefill { endpoint: endpoint.id, mark, work, at: now }
    }

    /// Its first byte came.
    pub(super) fn first_byte(&mut self, endpoint: &mut Endpoint, prefill: Prefill, now: Millis) {
        endpoint.backlog.reached(prefill.mark, now);
        let took = now.since(prefill.at).as_secs_f32() * 1_000.0;
        self.speed.learn(prefill.work, took);
    }

    /// How fast this worker saw prompts computed.
    pub(super) fn observed_speed(&self) -> Option<LearnedSpeed> {
        self.speed.observed()
    }

    /// How fast all workers saw them computed.
    pub(super) fn hear_speed(&mut self, told: LearnedSpeed) {
        self.speed.hear(told);
    }

    /// What this worker sent since it was asked last, for its neighbours.
    pub(super) fn take_news(&mut self) -> Vec<News> {
        self.index.take_news()
    }

    /// What a neighbour sent.
    pub(super) fn hear(&mut self, news: &[News], now: Millis) {
        self.index.hear(news, now);
    }
}
