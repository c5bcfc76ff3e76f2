//! A server's KV cache: blocks held by requests, and blocks kept in case a later prompt
//! begins alike, least recently used first out.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

/// Hashes of blocks are random already.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Plain(u64);

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = shared::hash::fnv1a(bytes);
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// A map keyed by blocks' hashes.
pub(crate) type BlockMap<T> = HashMap<u64, T, BuildHasherDefault<Plain>>;

#[derive(Debug, Clone, Copy)]
struct Block {
    users: u32,
    /// Which entry of the eviction order is its own.
    stamp: u64,
}

/// The cache.
#[derive(Debug)]
pub(super) struct Cache {
    capacity: usize,
    blocks: BlockMap<Block>,
    /// Blocks nobody holds; entries whose stamp is not the block's are void.
    order: VecDeque<(u64, u64)>,
    stamp: u64,
    kept: usize,
    /// Held blocks whose content is not complete.
    partial: usize,
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        let (blocks, order) = (BlockMap::default(), VecDeque::new());
        Self { capacity, blocks, order, stamp: 0, kept: 0, partial: 0 }
    }

    /// How many leading blocks are there.
    pub(super) fn hits(&self, chain: &[u64]) -> usize {
        chain.iter().take_while(|hash| self.blocks.contains_key(hash)).count()
    }

    /// How many of these, all there, nobody holds.
    pub(super) fn kept_of(&self, chain: &[u64]) -> usize {
        chain.iter().filter(|h| self.blocks.get(h).is_some_and(|b| b.users == 0)).count()
    }

    pub(super) fn free(&self) -> usize {
        self.capacity - self.in_use()
    }

    pub(super) fn in_use(&self) -> usize {
        self.blocks.len() - self.kept + self.partial
    }

    pub(super) fn usage(&self) -> f32 {
        self.in_use() as f32 / self.capacity as f32
    }

    /// Holds blocks that are there.
    pub(super) fn hold(&mut self, chain: &[u64]) {
        for hash in chain {
            if let Some(block) = self.blocks.get_mut(hash) {
                self.kept -= usize::from(block.users == 0);
                block.users += 1;
            }
        }
    }

    /// Takes blocks for content to come; there must be enough free.
    pub(super) fn take(&mut self, count: usize) {
        self.partial += count;
        self.evict();
    }

    /// Gives such blocks back.
    pub(super) fn drop_partial(&mut self, count: usize) {
        self.partial -= count;
    }

    /// A taken block is complete. If another request completed the same, it is shared.
    pub(super) fn complete(&mut self, hash: u64) {
        self.partial -= 1;
        let block = self.blocks.entry(hash).or_insert(Block { users: 0, stamp: u64::MAX });
        if block.users == 0 && block.stamp != u64::MAX {
            self.kept -= 1;
        }
        block.users += 1;
        block.stamp = 0;
    }

    /// Lets go of held blocks, the last first: it is the first to be evicted.
    pub(super) fn release(&mut self, chain: &[u64]) {
        for hash in chain.iter().rev() {
            if let Some(block) = self.blocks.get_mut(hash) {
                block.users -= 1;
                if block.users == 0 {
                    self.stamp += 1;
                    block.stamp = self.stamp;
                    self.kept += 1;
                    self.order.push_back((self.stamp, *hash));
                }
            }
        }
        if self.order.len() > 4 * self.capacity {
            let blocks = &self.blocks;
            self.order.retain(|(stamp, hash)| {
                blocks.get(hash).is_some_and(|block| block.users == 0 && block.stamp == *stamp)
            });
        }
    }

    fn evict(&mut self) {
        while self.blocks.len() + self.partial > self.capacity {
            let Some((stamp, hash)) = self.order.pop_front() else { return };
            if self.blocks.get(&hash).is_some_and(|b| b.users == 0 && b.stamp == stamp) {
                self.blocks.remove(&hash);
                self.kept -= 1;
            }
        }
    }
}
