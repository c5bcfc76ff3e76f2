//! Hashes of 64 bytes at once, and of sequences of hashes.
//!
//! A stripe's hash is the sum of products of its halves, each with a constant added
//! (the NH of UMAC): no stripe waits for another, and 32-bit factors suit vectors
//! natively and under Wasm, which has no multiplication to 128 bits. Sequences are
//! folded with one multiplication per stripe.
//!
//! Fast, not cryptographic: the constants are public. A collision, found on purpose or
//! not, costs a detour: a request goes to a server that has not cached its prompt. The
//! server compares its own, and nothing is ever taken from a cache by this hash.

/// Bytes that are hashed at once.
pub(super) const STRIPE: usize = 64;

/// Odd, so that a multiplication by it loses nothing; digits of the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Digits of pi behind the point.
const KEYS: [u64; STRIPE / 8] = [
    0x243f_6a88_85a3_08d3,
    0x1319_8a2e_0370_7344,
    0xa409_3822_299f_31d0,
    0x082e_fa98_ec4e_6c89,
    0x4528_21e6_38d0_1377,
    0xbe54_66cf_34e9_0c6c,
    0xc0ac_29b7_c97c_50dd,
    0x3f84_d5b5_b547_0917,
];

/// The hash of a stripe.
#[inline]
pub(super) fn stripe(bytes: &[u8; STRIPE]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    products(words)
}

#[inline]
fn products(words: &[[u8; 8]]) -> u64 {
    words.iter().zip(KEYS).fold(0, |sum: u64, (word, key)| {
        let word = u64::from_le_bytes(*word).wrapping_add(key);
        sum.wrapping_add((word & 0xffff_ffff).wrapping_mul(word >> 32))
    })
}

/// A sequence's state with one more hash. Loses nothing: of two states, or of two
/// hashes, come two results.
#[inline]
pub(super) fn fold(state: u64, hash: u64) -> u64 {
    (state.rotate_left(29) ^ hash).wrapping_mul(FACTOR)
}

/// A state as it is shown: every bit depends on every bit (the finalizer of
/// MurmurHash3).
#[inline]
pub(super) fn finish(state: u64) -> u64 {
    let state = (state ^ (state >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let state = (state ^ (state >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    state ^ (state >> 33)
}

/// The hash of some bytes, their number included.
pub(super) fn bytes(bytes: &[u8]) -> u64 {
    let (stripes, rest) = bytes.as_chunks::<STRIPE>();
    let state = stripes.iter().fold(0, |state, bytes| fold(state, stripe(bytes)));
    fold(fold(state, short(rest)), bytes.len() as u64)
}

/// The hash of less than a stripe, the number of bytes included.
///
/// Without padding: to copy so few bytes and read them back costs more than to hash them.
#[inline]
pub(super) fn short(bytes: &[u8]) -> u64 {
    let length = bytes.len() as u64;
    let Some(last) = bytes.last_chunk::<8>() else {
        let word = bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        return fold(length, word);
    };
    // The last word covers the bytes behind the whole ones, and some of these again.
    let (words, _) = bytes.as_chunks::<8>();
    fold(fold(length, products(words)), u64::from_le_bytes(*last))
}

/// Cuts bytes that come in pieces into stripes.
#[derive(Debug)]
pub(super) struct Stripes {
    open: [u8; STRIPE],
    len: usize,
}

impl Stripes {
    pub(super) fn new() -> Self {
        Self { open: [0; STRIPE], len: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Takes the next bytes: the hash of a stripe that was open and is complete now, and
    /// the whole stripes behind it.
    #[inline]
    pub(super) fn cut<'a>(&mut self, bytes: &'a [u8]) -> (Option<u64>, &'a [[u8; STRIPE]]) {
        let mut bytes = bytes;
        let mut first = None;
        if self.len > 0 {
            let room = STRIPE - self.len;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            if let Some(to) = self.open.get_mut(self.len..self.len + now.len()) {
                to.copy_from_slice(now);
            }
            self.len += now.len();
            if self.len < STRIPE {
                return (None, &[]);
            }
            first = Some(stripe(&self.open));
            bytes = later;
        }
        let (whole, rest) = bytes.as_chunks::<STRIPE>();
        if let Some(to) = self.open.get_mut(..rest.len()) {
            to.copy_from_slice(rest);
        }
        self.len = rest.len();
        (first, whole)
    }

    /// The bytes behind the last stripe.
    pub(super) fn rest(&self) -> &[u8] {
        self.open.get(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn every_bit_of_a_stripe_counts_and_so_does_its_place() {
        let mut hashes = BTreeSet::from([stripe(&[0; STRIPE])]);
        for bit in 0..STRIPE * 8 {
            let mut bytes = [0; STRIPE];
            bytes[bit / 8] |= 1 << (bit % 8);
            assert!(hashes.insert(stripe(&bytes)), "bit {bit}");
        }
    }

    #[test]
    fn every_worker_release_and_target_hashes_alike() {
        let input: Vec<u8> = (0..200).collect();
        assert_eq!(bytes(&input), 1_012_989_923_572_316_105);
        assert_eq!(finish(fold(1, 2)), 295_002_652_218_652_518);
    }

    #[test]
    fn lengths_count_where_the_bytes_are_zeros() {
        let zeros = [0; 200];
        let hashes: BTreeSet<_> = (0..=200).map(|len| bytes(&zeros[..len])).collect();
        assert_eq!(hashes.len(), 201);
    }

    #[test]
    fn pieces_give_the_stripes_of_the_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(300).collect();
        let whole = bytes.as_chunks::<STRIPE>().0.iter().map(stripe).collect::<Vec<_>>();
        for size in 1..300 {
            let mut stripes = Stripes::new();
            let mut hashes = Vec::new();
            for piece in bytes.chunks(size) {
                let (first, whole) = stripes.cut(piece);
                hashes.extend(first);
                hashes.extend(whole.iter().map(stripe));
            }
            assert_eq!(hashes, whole, "pieces of {size}");
            assert_eq!(stripes.rest(), &bytes[256..]);
        }
    }
}
