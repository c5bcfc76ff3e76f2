//! Ways to cut an input into the chunks that a host may hand over.
//!
//! Invariant: the cuts follow from the bytes alone, so a file of a corpus is the input
//! itself, readable and without a header, and replays as it ran. Rejected: cuts as a
//! part of the input; the fuzzer then spends its time on them.

use shared::hash::fnv1a;
use shared::random::Random;

/// Bodies above this many bytes are not cut byte by byte: that would only be slow.
const BYTEWISE: usize = 4096;

/// The input whole, byte by byte, and twice at places that a hash of it chooses. Chunks
/// are at most 97 bytes: more than one block of the scanner's 64.
#[must_use]
pub fn cuts(data: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut ways = vec![vec![data]];
    if data.len() <= BYTEWISE {
        ways.push(data.chunks(1).collect());
    }
    let mut random = Random::new(fnv1a(data));
    for _ in 0..2 {
        let mut rest = data;
        let mut chunks = Vec::new();
        while !rest.is_empty() {
            // Empty chunks come too: Envoy ends a body with one.
            let (chunk, tail) = rest.split_at(random.below(98).min(rest.len()));
            chunks.push(chunk);
            rest = tail;
        }
        ways.push(chunks);
    }
    ways
}
