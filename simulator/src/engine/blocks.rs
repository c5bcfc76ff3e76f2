//! The KV cache: a fixed number of blocks, some in use by running requests,
//! some kept with their content because a later prompt may begin the same way.
//!
//! Invariant: `in_use + kept <= capacity` and `in_use + reserved <= capacity`.
//! A request takes its prompt's blocks and *reserves* those that its answer
//! will fill, so growing never fails. vLLM instead admits without a reserve and
//! preempts a request when it runs out; that is rejected here because a
//! preemption recomputes a prompt at a moment no test could foresee.

use super::prompt::BlockHash;
use std::collections::{BTreeMap, HashMap};

/// A block with known content.
#[derive(Debug)]
struct Block {
    /// Running requests that read it; 0 means it may be evicted.
    users: usize,
    /// Key in the eviction order; meaningful while `users` is 0.
    stamp: u64,
}

/// What a request got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Taken {
    /// Leading blocks that were in the cache already.
    pub hits: usize,
}

/// What a request holds and gives back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Holding {
    /// Blocks with known content (the prompt's full blocks).
    pub hashed: usize,
    /// Blocks without: the prompt's last, partly filled one and the answer's.
    pub anonymous: usize,
    /// Blocks reserved for the rest of the answer.
    pub reserved: usize,
}

/// The pool of blocks.
#[derive(Debug)]
pub struct BlockPool {
    capacity: usize,
    blocks: HashMap<BlockHash, Block>,
    /// Blocks nobody uses, oldest stamp first.
    evictable: BTreeMap<u64, BlockHash>,
    anonymous: usize,
    reserved: usize,
    next_stamp: u64,
}

impl BlockPool {
    /// A pool of `capacity` empty blocks.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            blocks: HashMap::new(),
            evictable: BTreeMap::new(),
            anonymous: 0,
            reserved: 0,
            next_stamp: 0,
        }
    }

    /// Blocks that running requests use.
    pub fn in_use(&self) -> usize {
        self.blocks.len() - self.evictable.len() + self.anonymous
    }

    /// The share of blocks in use, 0 to 1. As in vLLM, blocks that are only
    /// kept for later prompts count as free.
    pub fn usage(&self) -> f64 {
        if self.capacity == 0 { 0.0 } else { self.in_use() as f64 / self.capacity as f64 }
    }

    /// Blocks in all.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Takes the blocks of a prompt: one per hash, `want.anonymous` without a
    /// hash, and a reserve. `None`, and nothing changes, if they do not fit now.
    pub fn take(&mut self, prompt: &[BlockHash], want: Holding) -> Option<Taken> {
        let hits = prompt.iter().take_while(|hash| self.blocks.contains_key(hash)).count();
        let newly_used = prompt
            .iter()
            .filter(|hash| self.blocks.get(hash).is_none_or(|block| block.users == 0))
            .count();
        let needed = newly_used + want.anonymous + want.reserved;
        if self.in_use() + self.reserved + needed > self.capacity {
            return None;
        }
        for hash in prompt {
            let block = self.blocks.entry(*hash).or_insert(Block { users: 0, stamp: u64::MAX });
            if block.users == 0 {
                self.evictable.remove(&block.stamp);
            }
            block.users += 1;
        }
        self.anonymous += want.anonymous;
        self.reserved += want.reserved;
        self.evict_surplus();
        Some(Taken { hits })
    }

    /// Turns one reserved block into one in use.
    pub fn grow(&mut self, holding: &mut Holding) {
        if holding.reserved == 0 {
            return;
        }
        holding.reserved -= 1;
        holding.anonymous += 1;
        self.reserved -= 1;
        self.anonymous += 1;
        self.evict_surplus();
    }

    /// Gives back all that `holding` names. `full` are the hashes of all blocks
    /// that were filled, the prompt's first and then the answer's; they stay in
    /// the cache until their space is needed, a request's last block goes first.
    pub fn give_back(&mut self, full: &[BlockHash], holding: Holding) {
        self.anonymous = self.anonymous.saturating_sub(holding.anonymous);
        self.reserved = self.reserved.saturating_sub(holding.reserved);
        for (index, hash) in full.iter().enumerate().rev() {
            if index < holding.hashed {
                if let Some(block) = self.blocks.get_mut(hash) {
                    block.users = block.users.saturating_sub(1);
                    if block.users == 0 {
                        block.stamp = self.next_stamp;
                        self.evictable.insert(self.next_stamp, *hash);
                        self.next_stamp += 1;
                    }
                }
            } else if !self.blocks.contains_key(hash) {
                self.blocks.insert(*hash, Block { users: 0, stamp: self.next_stamp });
                self.evictable.insert(self.next_stamp, *hash);
                self.next_stamp += 1;
            }
        }
        self.evict_surplus();
    }

    fn evict_surplus(&mut self) {
        while self.blocks.len() + self.anonymous > self.capacity {
            let Some((_, hash)) = self.evictable.pop_first() else { return };
            self.blocks.remove(&hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::prompt::block_hashes;
    use super::*;

    fn chain(salt: &str, blocks: usize) -> Vec<BlockHash> {
        block_hashes(salt, &vec![b'x'; blocks * 4], 1)
    }

    fn hashed(blocks: usize) -> Holding {
        Holding { hashed: blocks, ..Holding::default() }
    }

    #[test]
    fn blocks_given_back_are_free_but_hit_again() {
        let mut pool = BlockPool::new(10);
        let prompt = chain("", 4);
        assert_eq!(pool.take(&prompt, hashed(4)), Some(Taken { hits: 0 }));
        assert_eq!(pool.usage(), 0.4);
        pool.give_back(&prompt, hashed(4));
        assert_eq!(pool.usage(), 0.0);
        assert_eq!(pool.take(&prompt, hashed(4)), Some(Taken { hits: 4 }));
    }

    #[test]
    fn two_requests_with_one_prefix_share_its_blocks() {
        let mut pool = BlockPool::new(10);
        let prompt = chain("", 6);
        pool.take(&prompt, hashed(6)).unwrap();
        assert_eq!(pool.take(&prompt, hashed(6)), Some(Taken { hits: 6 }));
        assert_eq!(pool.in_use(), 6);
        pool.give_back(&prompt, hashed(6));
        assert_eq!(pool.in_use(), 6, "the other request still uses them");
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        let mut pool = BlockPool::new(5);
        pool.take(&chain("a", 4), hashed(4)).unwrap();
        let want = Holding { hashed: 1, anonymous: 0, reserved: 1 };
        assert_eq!(pool.take(&chain("b", 1), want), None);
        assert_eq!(pool.in_use(), 4);
        assert_eq!(pool.take(&chain("b", 1), hashed(1)), Some(Taken { hits: 0 }));
    }

    #[test]
    fn the_least_recently_used_goes_first_and_its_tail_before_its_head() {
        let mut pool = BlockPool::new(6);
        let (old, young) = (chain("old", 3), chain("young", 3));
        for prompt in [&old, &young] {
            pool.take(prompt, hashed(3)).unwrap();
            pool.give_back(prompt, hashed(3));
        }
        pool.take(&chain("new", 2), hashed(2)).unwrap();
        assert_eq!(pool.take(&old, hashed(3)), Some(Taken { hits: 1 }));
        pool.give_back(&old, hashed(3));
        let mut pool_after = pool;
        assert!(pool_after.take(&young[..1], hashed(1)).is_some_and(|taken| taken.hits == 1));
    }

    #[test]
    fn the_reserve_is_not_given_to_others_and_growing_uses_it() {
        let mut pool = BlockPool::new(4);
        let mut holding = Holding { hashed: 1, anonymous: 0, reserved: 3 };
        pool.take(&chain("a", 1), holding).unwrap();
        assert_eq!(pool.usage(), 0.25, "a reserve is not in use");
        assert_eq!(pool.take(&chain("b", 1), hashed(1)), None);
        for _ in 0..3 {
            pool.grow(&mut holding);
        }
        assert_eq!(pool.usage(), 1.0);
        pool.give_back(&chain("a", 4), holding);
        assert_eq!(pool.usage(), 0.0);
        assert_eq!(pool.take(&chain("a", 4), hashed(4)), Some(Taken { hits: 4 }));
    }
}
