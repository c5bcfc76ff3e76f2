//! Follows a body's structure: which part, message, field and item a value belongs to.
//!
//! Invariant: whatever is told of depths that are not watched returns at once, so a body
//! costs next to nothing where it says nothing of its prompt.

use super::{FIELD, ITEM, ITEM_FIELD, MESSAGE, Media, PART, Place, PromptDigest, Shape, Target};
use crate::json::Observer;
use crate::prompt::names::rank;

impl Observer for PromptDigest {
    fn top_key(&mut self, part: &[u8]) {
        self.top_key = self.top_key.and(part);
    }

    fn top_key_ends(&mut self) {
        self.target = Target::of(std::mem::take(&mut self.top_key));
        let bit = self.target.bit();
        self.ambiguous |= self.seen & bit != 0;
        self.seen |= bit;
        self.watch = match self.target {
            Target::Nothing => 0,
            _ => PART,
        };
    }

    #[inline]
    fn key(&mut self, part: &[u8], depth: usize) {
        if self.is_outside(depth) || self.leaf_depth != 0 {
            return;
        }
        if self.missing == 0 && depth == FIELD {
            // Behind the last block only pictures and sound are told from text.
            return;
        }
        self.key = self.key.and(part);
    }

    #[inline]
    fn value(&mut self, chunk: &[u8], at: usize, shape: Shape, depth: usize) {
        if self.is_outside(depth) {
            return;
        }
        if self.is_only_measured(depth, shape) && self.leaf_depth == 0 {
            self.leaf.begin_measure();
            (self.leaf_depth, self.leaf_shape, self.watch) = (depth, shape, depth);
            self.run = at + 1;
            return;
        }
        if self.leaf_depth != 0 {
            // The next of a row of numbers, or something else behind it.
            if shape == Shape::Number {
                return;
            }
            self.end_leaf(chunk, at);
        }
        self.begin_value(at, shape, depth);
    }

    #[inline]
    fn ended(&mut self, chunk: &[u8], end: usize, depth: usize) {
        if self.is_outside(depth) {
            return;
        }
        if self.leaf_depth == depth && self.is_only_measured(depth, self.leaf_shape) {
            let bytes = self.leaf.bytes() + end.saturating_sub(self.run + 1) as u64;
            self.prompt_bytes += bytes;
            self.prompt_tokens += bytes;
            (self.leaf_depth, self.watch) = (0, ITEM_FIELD);
            return;
        }
        if self.leaf_depth == depth {
            if self.is_row() {
                return;
            }
            let quote = usize::from(self.leaf_shape == Shape::String);
            self.end_leaf(chunk, end.saturating_sub(quote));
        } else if self.leaf_depth != 0 {
            // The bracket that closes a row does not belong to it.
            self.end_leaf(chunk, end.saturating_sub(1));
        }
        match (self.target, depth) {
            (Target::Part(_), PART) => {
                self.end_message();
                self.watch = 0;
            }
            (Target::Part(_), MESSAGE) => self.end_message(),
            _ => {}
        }
    }

    #[inline]
    fn gap(&mut self, chunk: &[u8], at: usize) {
        if self.leaf_depth != 0 {
            self.take(chunk, at);
            self.run = at + 1;
        }
    }

    #[inline]
    fn chunk_ends(&mut self, chunk: &[u8]) {
        if self.leaf_depth != 0 {
            self.take(chunk, chunk.len());
            self.run = 0;
        }
    }
}

impl PromptDigest {
    /// A value that is not within a leaf: a part, or something of a message.
    fn begin_value(&mut self, at: usize, shape: Shape, depth: usize) {
        let Target::Part(part) = self.target else {
            return self.begin_leaf(at, shape, depth);
        };
        let key = std::mem::take(&mut self.key);
        match depth {
            PART => {
                self.begin_part(part);
                if shape == Shape::Array {
                    self.watch = ITEM_FIELD;
                    return;
                }
            }
            MESSAGE if shape == Shape::Object => return,
            FIELD => {
                self.place = Place { key: rank(key), ..Place::default() };
                if shape == Shape::Array {
                    return;
                }
                self.media = None;
            }
            ITEM => {
                self.place.index += 1;
                self.place.sub = 0;
                self.media = None;
                if shape == Shape::Object {
                    return;
                }
            }
            ITEM_FIELD => {
                self.place.sub = rank(key);
                self.media = Media::of(key);
            }
            _ => {}
        }
        self.begin_leaf(at, shape, depth);
    }
}
