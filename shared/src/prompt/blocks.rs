//! One part of a prompt as a chain of blocks.
//!
//! A block ends where the text so far reaches the next multiple of the block's size;
//! its entry is the state of the chain there. So short messages share blocks, and
//! pictures, which weigh more than their hash is long, fill several.
//!
//! Invariant: a part's chain does not depend on other parts; they are joined once all
//! are known, since the body's keys may come in any order.

use super::hash::{finish, fold};
use super::settings::DigestSettings;

/// A part's chain so far.
#[derive(Debug)]
pub(super) struct Blocks {
    state: u64,
    weight: u64,
    /// The weight at which the next block is full.
    next: u64,
    room: usize,
    entries: Vec<u64>,
    /// What follows is not hashed: no block may stand for it.
    closed: bool,
}

impl Blocks {
    /// A chain that may have so many blocks.
    pub(super) fn new(room: usize, settings: DigestSettings) -> Self {
        Self {
            state: 0,
            weight: 0,
            next: settings.block_bytes(),
            room,
            entries: Vec::new(),
            closed: room == 0,
        }
    }

    /// Takes the next hash, of text that weighs so many bytes.
    #[inline]
    pub(super) fn push(&mut self, hash: u64, weight: u64, settings: DigestSettings) {
        self.state = fold(self.state, hash);
        self.weight += weight;
        if self.weight >= self.next {
            self.end_blocks(settings);
        }
    }

    #[inline]
    fn end_blocks(&mut self, settings: DigestSettings) {
        while self.weight >= self.next && !self.closed {
            if self.entries.is_empty() {
                self.entries.reserve_exact(self.room.min(32));
            }
            self.entries.push(fold(self.state, self.entries.len() as u64));
            self.next += settings.block_bytes();
            self.closed = self.entries.len() >= self.room;
        }
    }

    /// Takes a hash of text that no block may end in.
    pub(super) fn push_silently(&mut self, hash: u64) {
        self.state = fold(self.state, hash);
    }

    /// Ends the chain here.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of text that may still end a block; 0 if none may.
    pub(super) fn missing(&self, settings: DigestSettings) -> u64 {
        if self.closed {
            return 0;
        }
        (self.room as u64 * settings.block_bytes()).saturating_sub(self.weight)
    }

    /// Appends the part to a prompt's chain; the state with all of it.
    pub(super) fn join(&self, state: u64, chain: &mut Vec<u64>, max_blocks: usize) -> u64 {
        let room = max_blocks.saturating_sub(chain.len());
        let entries = self.entries.iter().take(room);
        chain.extend(entries.map(|entry| finish(fold(state, *entry))));
        fold(state, self.state)
    }
}
