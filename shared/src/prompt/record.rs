//! The values of one message, until it is complete and they can be put in order.
//!
//! A message's keys may come in any order, and so may those of the parts of its
//! content; servers take them by name. So they are chained when the message ends,
//! in the order of their keys. Deeper objects, such as a tool's parameters, count as
//! they stand: servers put them into the prompt as they stand.

use super::blocks::Blocks;
use super::hash::{STRIPE, fold};
use super::settings::DigestSettings;

/// Values of one message that are put in order; so many more form a group of their own.
pub(super) const MAX_RECORDS: usize = 64;

/// Where a value stands in its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Place {
    /// The message's key, ranked.
    pub(super) key: u64,
    /// The element, if its value is an array.
    pub(super) index: u32,
    /// The element's key, if it is an object.
    pub(super) sub: u64,
}

impl Place {
    /// Three multiplications that do not wait for each other.
    fn hash(self) -> u64 {
        fold(self.key, 0) ^ fold(0, self.sub) ^ fold(u64::from(self.index) << 32, 1)
    }
}

/// One value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub(super) place: Place,
    /// Tells strings from numbers.
    pub(super) shape: u64,
    /// The first of its stripes.
    pub(super) first: usize,
    /// How many they are.
    pub(super) stripes: usize,
    /// Bytes of text that a stripe stands for.
    pub(super) stripe_weight: u64,
    /// The hash of what is behind them.
    pub(super) rest: u64,
    /// Bytes of text that this stands for.
    pub(super) rest_weight: u64,
    /// Whether the value may go on in a longer prompt: no block ends with it.
    pub(super) open: bool,
    /// Whether the value's end was not hashed, as no block was to need it.
    pub(super) cut: bool,
}

/// The values of one message.
#[derive(Debug, Default)]
pub(super) struct Records {
    records: Vec<Record>,
    /// Hashes of the values' stripes, one value behind the other.
    pub(super) stripes: Vec<u64>,
}

impl Records {
    /// Keeps a record at its place. Clients send most keys in order; and a sort afterwards
    /// would be ten times this code.
    pub(super) fn push(&mut self, record: Record) {
        let at = self.records.partition_point(|other| other.place <= record.place);
        self.records.insert(at, record);
    }

    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= MAX_RECORDS
    }

    /// Chains the values in their order, and forgets them.
    pub(super) fn flush(&mut self, blocks: &mut Blocks, settings: DigestSettings) {
        for record in self.records.drain(..) {
            blocks.push_silently(record.place.hash() ^ record.shape);
            let last = record.first + record.stripes;
            for hash in self.stripes.get(record.first..last).unwrap_or_default() {
                blocks.push(*hash, record.stripe_weight, settings);
            }
            if record.cut {
                blocks.close();
            }
            if record.open {
                blocks.push_silently(record.rest);
            } else {
                blocks.push(record.rest, record.rest_weight, settings);
            }
        }
        self.stripes.clear();
        // Where one message ends counts too.
        blocks.push_silently(STRIPE as u64);
    }
}
