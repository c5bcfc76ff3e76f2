//! Skips strings whose content does not matter: nearly every byte of a prompt.
//!
//! Works on blocks of 64 bytes and bit masks of them. Escapes are found without
//! a loop; only those that are not `\"`, `\\` or `\n` are checked one by one, and
//! later (see [`escapes`](super::escapes)). All that crosses from block to block is one bit: whether the
//! first byte is escaped. (Starting the next block a byte earlier instead costs a
//! third of the speed: its load then waits for this block's result.)
//!
//! Rejected alternatives: byte by byte is a fifth of the speed; a mask of the
//! whole document's quotes (prefix-xor, as simdjson's first stage does it) would
//! cover the structure between strings too, which must be validated anyway.

use super::blocks::{BLOCK, Masks, classify, plain_blocks};
use super::escapes::{Broken, Escapes, check_escape};

/// What of an escape was still missing when the chunk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Pending {
    #[default]
    Nothing,
    /// The byte behind a backslash.
    Escape,
    /// So many hexadecimal digits of `\uXXXX`, 1 to 4.
    Hex(u8),
}

/// After so many plain blocks in a row more are expected. Prose has an escape in every
/// other block or so, and guessing wrong costs more there than guessing right saves.
const PLAIN: u32 = 4;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Skipped {
    /// The string ends; this is the offset of the byte behind its quote.
    Closed(usize),
    /// The chunk ends inside the string.
    Open(Pending),
}

/// An escape that JSON does not have, at this offset.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadEscape(pub(super) usize);

/// Skips to the end of a string; `input` starts inside it.
#[inline]
pub(super) fn skip(
    input: &[u8],
    pending: Pending,
    escapes: &mut Escapes,
) -> Result<Skipped, BadEscape> {
    let mut at = match resume(input, pending)? {
        Resumed::At(at) => at,
        Resumed::Open(pending) => return Ok(Skipped::Open(pending)),
    };
    let mut first_is_escaped = false;
    let mut plain = 0;
    // What is left from `at` on. Cutting it off anew in each round costs a tenth of the speed.
    let mut rest = input.get(at..).unwrap_or_default();
    loop {
        if plain == PLAIN {
            let skipped = BLOCK * plain_blocks(rest);
            at += skipped;
            rest = rest.get(skipped..).unwrap_or_default();
            plain = 0;
        }
        let masks = match rest.split_first_chunk::<BLOCK>() {
            Some((block, behind)) => {
                rest = behind;
                classify(block)
            }
            None if rest.is_empty() => {
                let at_end = if first_is_escaped { Pending::Escape } else { Pending::Nothing };
                let cut = escapes.check(input)?;
                return Ok(Skipped::Open(cut.unwrap_or(at_end)));
            }
            None => classify(&padded(std::mem::take(&mut rest))),
        };
        let walked = walk(masks, first_is_escaped);
        let room = escapes.note(at, walked.unchecked);
        if let Some(offset) = walked.end {
            return Ok(match escapes.check(input)? {
                Some(cut) => Skipped::Open(cut),
                None => Skipped::Closed(at + offset + 1),
            });
        }
        if !room && let Some(cut) = escapes.check(input)? {
            return Ok(Skipped::Open(cut));
        }
        first_is_escaped = walked.next_is_escaped;
        plain = if walked.is_plain { plain + 1 } else { 0 };
        at += BLOCK;
    }
}

/// The last bytes of a chunk, and behind them bytes that mean nothing in a string.
#[inline(never)]
fn padded(rest: &[u8]) -> [u8; BLOCK] {
    let mut block = [b' '; BLOCK];
    if let Some(start) = block.get_mut(..rest.len()) {
        start.copy_from_slice(rest);
    }
    block
}

/// What a block holds.
struct Walked {
    /// Where the string ends.
    end: Option<usize>,
    /// Escapes before that which are still to be checked.
    unchecked: u64,
    next_is_escaped: bool,
    /// Neither quote nor backslash.
    is_plain: bool,
}

/// Goes through a block.
#[inline(always)]
fn walk(masks: Masks, first_is_escaped: bool) -> Walked {
    let Masks { quotes, backslashes, letters_n } = masks;
    let escaped = escaped(backslashes, first_is_escaped);
    let ends = quotes & !escaped;
    // The bits below the lowest one of `ends`; all, if there is none.
    let inside = !ends & ends.wrapping_sub(1);
    // No test for blocks without a backslash: in a chat it is a toss-up for each block,
    // and a wrong guess costs more than the few operations it would save.
    let escapes = backslashes & !escaped;
    Walked {
        end: (ends != 0).then(|| ends.trailing_zeros() as usize),
        unchecked: escaped & inside & !(quotes | backslashes | letters_n),
        next_is_escaped: escapes >> (BLOCK - 1) != 0,
        is_plain: quotes | backslashes == 0,
    }
}

/// The bytes behind backslashes that are not themselves escaped, and the first one if it is
/// known to be.
///
/// In a run of backslashes every second byte, counted from the run's start, is escaped, and
/// so is the byte behind a run of odd length. Moved up by one place, with all odd bits set,
/// less the run itself: the borrows go through the run, and the bits that then differ from
/// the odd ones are the backslashes that escape and the byte behind the run that is escaped.
/// (simdjson's escape scanner; the two additions of Langdale and Lemire, "Parsing Gigabytes
/// of JSON per Second", section 3.1.1, need twice the operations.)
#[inline(always)]
fn escaped(backslashes: u64, first_is_escaped: bool) -> u64 {
    const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
    let first = u64::from(first_is_escaped);
    let escaping = backslashes & !first;
    let borrowed = ((escaping << 1) | ODD).wrapping_sub(escaping) ^ ODD;
    borrowed ^ (backslashes | first)
}

enum Resumed {
    At(usize),
    Open(Pending),
}

/// Finishes the escape that the last chunk left open.
fn resume(input: &[u8], pending: Pending) -> Result<Resumed, BadEscape> {
    let missing = match pending {
        Pending::Nothing => return Ok(Resumed::At(0)),
        Pending::Escape => {
            return match check_escape(input) {
                Ok(width) => Ok(Resumed::At(width)),
                Err(Broken::Cut(pending)) => Ok(Resumed::Open(pending)),
                Err(Broken::At(offset)) => Err(BadEscape(offset)),
            };
        }
        Pending::Hex(missing) => missing,
    };
    for n in 0..missing {
        match input.get(usize::from(n)) {
            Some(digit) if digit.is_ascii_hexdigit() => {}
            Some(_) => return Err(BadEscape(n.into())),
            None => return Ok(Resumed::Open(Pending::Hex(missing - n))),
        }
    }
    Ok(Resumed::At(missing.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn escaped_one_by_one(backslashes: u64, first_is_escaped: bool) -> u64 {
        let mut escaped = u64::from(first_is_escaped);
        for n in 0..63 {
            if backslashes & (1 << n) != 0 && escaped & (1 << n) == 0 {
                escaped |= 1 << (n + 1);
            }
        }
        escaped
    }

    #[test]
    fn of_many_bad_escapes_the_first_is_told() {
        for before in 0..400 {
            let text = format!("{}\\u12g4{}\"", "\\u00fc\\t".repeat(before), "\\x".repeat(200));
            let bad = skip(text.as_bytes(), Pending::Nothing, &mut Escapes::new());
            assert_eq!(bad, Err(BadEscape(8 * before + 4)));
        }
    }

    #[test]
    fn a_string_of_plain_blocks_ends_where_its_quote_stands() {
        for plain in 0..700 {
            for (end, width) in [("\"", 1), ("\\\"\"", 3), ("\\u00fc\"", 7)] {
                let text = format!("{}{end}{}", "x".repeat(plain), " \"".repeat(40));
                let skipped = skip(text.as_bytes(), Pending::Nothing, &mut Escapes::new());
                assert_eq!(skipped, Ok(Skipped::Closed(plain + width)));
            }
        }
    }

    proptest! {
        #[test]
        fn escaped_bytes_are_found_for_any_runs_of_backslashes(a: u64, b: u64, c: u64) {
            for backslashes in [a, a & b, a | b, a | b | c, u64::MAX, !(a & b & c)] {
                for first in [false, true] {
                    let expected = escaped_one_by_one(backslashes, first);
                    prop_assert_eq!(escaped(backslashes, first), expected);
                }
            }
        }
    }
}
