//! Looks at 64 bytes at once: where are quotes, backslashes and the letter `n`?
//!
//! `wide` gives one spelling of 16-byte vectors for x86-64, NEON and Wasm SIMD,
//! so there is no `unsafe` and no per-target code here.

use wide::u8x16;

/// Bytes per block: one bit of a `u64` for each.
pub(super) const BLOCK: usize = 64;

/// Bit `n` of a mask stands for byte `n` of the block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Masks {
    pub(super) quotes: u64,
    pub(super) backslashes: u64,
    /// The letter `n`: nearly all escapes of a prompt are `\"`, `\\` and `\n`.
    pub(super) letters_n: u64,
}

#[inline(always)]
pub(super) fn classify(block: &[u8; BLOCK]) -> Masks {
    let quote = u8x16::splat(b'"');
    let backslash = u8x16::splat(b'\\');
    let letter_n = u8x16::splat(b'n');
    let mut masks = Masks { quotes: 0, backslashes: 0, letters_n: 0 };
    let (lanes, _) = block.as_chunks::<16>();
    for (n, lane) in lanes.iter().enumerate() {
        let lane = u8x16::new(*lane);
        masks.quotes |= u64::from(lane.simd_eq(quote).to_bitmask()) << (16 * n);
        masks.backslashes |= u64::from(lane.simd_eq(backslash).to_bitmask()) << (16 * n);
        masks.letters_n |= u64::from(lane.simd_eq(letter_n).to_bitmask()) << (16 * n);
    }
    masks
}

/// How many blocks at the start of `input` hold neither quote nor backslash.
///
/// A fraction of [`classify`]'s work, so images and other long runs of plain bytes go by
/// at several times the speed.
#[inline]
pub(super) fn plain_blocks(input: &[u8]) -> usize {
    let quote = u8x16::splat(b'"');
    let backslash = u8x16::splat(b'\\');
    let (blocks, _) = input.as_chunks::<BLOCK>();
    let is_plain = |block: &[u8; BLOCK]| {
        let (lanes, _) = block.as_chunks::<16>();
        let special = lanes.iter().fold(u8x16::splat(0), |special, lane| {
            let lane = u8x16::new(*lane);
            special | lane.simd_eq(quote) | lane.simd_eq(backslash)
        });
        special.to_bitmask() == 0
    };
    blocks.iter().take_while(|block| is_plain(block)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn blocks_are_plain_up_to_the_first_quote_or_backslash() {
        let mut text = [b'x'; 5 * BLOCK + 7];
        assert_eq!(plain_blocks(&text), 5);
        for (at, byte) in [(5 * BLOCK, b'"'), (200, b'\\'), (63, b'"')] {
            text[at] = byte;
            assert_eq!(plain_blocks(&text), at / BLOCK);
        }
    }

    #[test]
    fn each_byte_sets_its_own_bit_and_no_other() {
        for n in 0..BLOCK {
            for other in 0..=u8::MAX {
                let mut block = [b' '; BLOCK];
                block[n] = other;
                let masks = classify(&block);
                let expect = |byte| if other == byte { 1 << n } else { 0 };
                assert_eq!(masks.quotes, expect(b'"'));
                assert_eq!(masks.backslashes, expect(b'\\'));
                assert_eq!(masks.letters_n, expect(b'n'));
            }
        }
    }
}
