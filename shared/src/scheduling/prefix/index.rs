//! What was sent where: for each of a prompt's blocks the endpoints it went to, and how
//! often it came.
//!
//! A table of fixed size, four entries to a bucket, the one seen longest ago makes room.
//! Each fourth block of a prompt has an entry: 65,536 entries of 32 bytes stand for four
//! million tokens. An endpoint is one of 64 bits; in a larger pool two may share a bit, and
//! one of them is then credited with what the other has.
//!
//! Invariant: what was not sent again within two generations is forgotten, as servers
//! forget it too.
//!
//! Rejected: a list of blocks per endpoint, as the reference keeps: 100 endpoints would
//! take 100 MB per worker.

use serde::{Deserialize, Serialize};

use super::rendezvous::counted;
use crate::pools::Millis;

/// Each so-manieth block has an entry.
pub(super) const STRIDE: usize = 4;

const BUCKETS: usize = 1 << 14;
const WAYS: usize = 4;

/// Seconds until the endpoints of an entry are the older ones; they count for as long again.
const GENERATION: u32 = 120;

/// Seconds in which a count halves.
const HALF_LIFE: f32 = 60.0;

/// Requests that are assumed to have come before the first, each unlike all others.
const PRIOR: f32 = 20.0;

/// The most news that are kept for neighbours.
const MOST_NEWS: usize = 4_096;

/// A block was sent to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// The block's chained hash.
    pub hash: u64,
    /// The endpoint's bit.
    pub endpoint: u8,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    hash: u64,
    /// Endpoints in this generation.
    now: u64,
    /// Endpoints in the one before.
    before: u64,
    count: f32,
    /// In seconds; 0 for a free entry.
    at: u32,
}

/// The index.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Empty until something is sent.
    buckets: Vec<[Entry; WAYS]>,
    total: f32,
    total_at: u32,
    news: Vec<News>,
}

/// How much of a chain went to each endpoint.
#[derive(Debug)]
pub(super) struct Depths {
    /// By bit, in blocks.
    by_bit: [usize; 64],
    /// Blocks that went to any.
    pub(super) seen: usize,
}

impl Depths {
    /// Blocks that went to this endpoint.
    pub(super) fn of(&self, key: u64) -> usize {
        self.by_bit.get(bit(key)).copied().unwrap_or(0)
    }
}

fn bit(key: u64) -> usize {
    (key >> 58) as usize
}

fn seconds(now: Millis) -> u32 {
    let seconds = (now.0 / 1_000).checked_rem(u32::MAX.into()).unwrap_or(0);
    u32::try_from(seconds).unwrap_or(0).max(1)
}

fn faded(count: f32, at: u32, now: u32) -> f32 {
    count * (-(now.saturating_sub(at) as f32) / HALF_LIFE).exp2()
}

impl Entry {
    fn known(&self, now: u32) -> u64 {
        match now.saturating_sub(self.at) / GENERATION {
            0 => self.now | self.before,
            1 => self.now,
            _ => 0,
        }
    }
}

impl Index {
    fn find(&self, hash: u64) -> Option<&Entry> {
        let bucket = self.buckets.get(hash as usize % BUCKETS)?;
        bucket.iter().find(|entry| entry.hash == hash && entry.at > 0)
    }

    /// How much of the chain went to each endpoint.
    pub(super) fn look(&self, chain: &[u64], now: Millis) -> Depths {
        let mut depths = Depths { by_bit: [0; 64], seen: 0 };
        let (mut alive, now) = (u64::MAX, seconds(now));
        for (n, hash) in counted(chain, STRIDE) {
            let known = self.find(hash).map_or(0, |entry| entry.known(now));
            if known == 0 {
                break;
            }
            depths.seen = n.saturating_add(1);
            alive &= known;
            let mut bits = alive;
            while bits != 0 {
                if let Some(depth) = depths.by_bit.get_mut(bits.trailing_zeros() as usize) {
                    *depth = n.saturating_add(1);
                }
                bits &= bits.wrapping_sub(1);
            }
        }
        depths
    }

    /// The share of requests that begin with this block's prefix, 0 to 1.
    pub(super) fn share(&self, hash: u64, now: Millis) -> f32 {
        let now = seconds(now);
        let count = self.find(hash).map_or(0.0, |entry| faded(entry.count, entry.at, now));
        count / (faded(self.total, self.total_at, now) + PRIOR)
    }

    /// A prompt was sent to an endpoint, `first` before all of its chain.
    pub(super) fn add(&mut self, chain: &[u64], first: Option<u64>, key: u64, now: Millis) {
        let second = seconds(now);
        self.total = faded(self.total, self.total_at, second) + 1.0;
        self.total_at = second;
        for hash in first.into_iter().chain(counted(chain, STRIDE).map(|(_, hash)| hash)) {
            let endpoint = bit(key) as u8;
            if self.set(hash, endpoint, 1.0, second) && self.news.len() < MOST_NEWS {
                self.news.push(News { hash, endpoint });
            }
        }
    }

    pub(super) fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    pub(super) fn hear(&mut self, news: &[News], now: Millis) {
        for News { hash, endpoint } in news {
            // Others' requests are no part of this worker's shares.
            self.set(*hash, *endpoint, 0.0, seconds(now));
        }
    }

    /// Notes a block; whether its endpoint was not known.
    fn set(&mut self, hash: u64, endpoint: u8, count: f32, now: u32) -> bool {
        if self.buckets.is_empty() {
            self.buckets = vec![[Entry::default(); WAYS]; BUCKETS];
        }
        let mask = 1_u64 << (endpoint % 64);
        let Some(bucket) = self.buckets.get_mut(hash as usize % BUCKETS) else { return false };
        let known = bucket.iter().position(|entry| entry.hash == hash && entry.at > 0);
        let oldest = || bucket.iter().enumerate().min_by_key(|(_, entry)| entry.at);
        let place = known.or_else(|| oldest().map(|(n, _)| n));
        let Some(entry) = place.and_then(|n| bucket.get_mut(n)) else { return false };
        if known.is_none() {
            *entry = Entry { hash, now: mask, before: 0, count, at: now };
            return true;
        }
        let news = entry.known(now) & mask == 0;
        if now / GENERATION != entry.at / GENERATION {
            let next = (entry.at / GENERATION).saturating_add(1);
            entry.before = if now / GENERATION == next { entry.now } else { 0 };
            entry.now = 0;
        }
        let renewed = entry.now & mask == 0;
        entry.now |= mask;
        entry.count = faded(entry.count, entry.at, now) + count;
        entry.at = now;
        news || renewed
    }
}
