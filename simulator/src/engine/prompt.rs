//! What the engine knows of a prompt: how many tokens it has and which cache
//! blocks it consists of.
//!
//! Invariant: a block's hash covers everything before it, so two prompts share
//! block *n* only if they are equal up to the end of block *n*. A real
//! tokenizer is rejected: it would need each model's vocabulary, and what the
//! cache and the clock need is only a stable count that grows with the text.

use std::hash::{DefaultHasher, Hash, Hasher};

/// UTF-8 bytes that count as one token. Four is the usual rule of thumb for
/// English text in the tokenizers of the Llama family.
pub const BYTES_PER_TOKEN: usize = 4;

/// A block's identity: the hash of the block and of all blocks before it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct BlockHash(u64);

/// The number of tokens of a text; 1 at least, as a prompt is never empty to a
/// model (it begins with a start token).
pub fn count_tokens(text: &[u8]) -> usize {
    text.len().div_ceil(BYTES_PER_TOKEN).max(1)
}

/// The chained hashes of all *full* blocks of `text`, each `block_size` tokens.
///
/// `salt` separates caches that must not share: vLLM mixes in the adapter, as
/// its keys and values differ from the base model's, and a client's `cache_salt`.
pub fn block_hashes(salt: &str, text: &[u8], block_size: usize) -> Vec<BlockHash> {
    let bytes = block_size.saturating_mul(BYTES_PER_TOKEN).max(1);
    let mut parent = 0_u64;
    text.chunks_exact(bytes)
        .map(|block| {
            let mut hasher = DefaultHasher::new();
            salt.hash(&mut hasher);
            parent.hash(&mut hasher);
            block.hash(&mut hasher);
            parent = hasher.finish();
            BlockHash(parent)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_bytes_are_a_token_and_a_rest_counts() {
        assert_eq!(count_tokens(b""), 1);
        assert_eq!(count_tokens(b"abcd"), 1);
        assert_eq!(count_tokens(b"abcde"), 2);
    }

    #[test]
    fn only_full_blocks_have_a_hash() {
        assert_eq!(block_hashes("", &[b'x'; 63], 16).len(), 0);
        assert_eq!(block_hashes("", &[b'x'; 129], 16).len(), 2);
    }

    #[test]
    fn a_difference_changes_its_block_and_all_later_ones() {
        let mut text = [b'x'; 256];
        let before = block_hashes("", &text, 16);
        text[70] = b'y';
        let after = block_hashes("", &text, 16);
        assert_eq!(before[0], after[0]);
        for block in 1..4 {
            assert_ne!(before[block], after[block]);
        }
    }

    #[test]
    fn equal_blocks_at_different_places_are_different() {
        let hashes = block_hashes("", &[b'x'; 128], 16);
        assert_ne!(hashes[0], hashes[1]);
    }

    #[test]
    fn another_salt_shares_nothing() {
        let text = [b'x'; 64];
        assert_ne!(block_hashes("a", &text, 16), block_hashes("b", &text, 16));
    }
}
