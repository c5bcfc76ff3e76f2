//! Skips strings whose content does not matter: nearly every byte of a prompt.
//!
//! Works on blocks of 64 bytes and bit masks of them. Escapes are found without
//! a loop; only those that are not `\"`, `\\` or `\n` are visited one by one, to
//! be checked. All that crosses from block to block is one bit: whether the
//! first byte is escaped. (Starting the next block a byte earlier instead costs a
//! third of the speed: its load then waits for this block's result.)
//!
//! Rejected alternatives: byte by byte is a fifth of the speed; a mask of the
//! whole document's quotes (prefix-xor, as simdjson's first stage does it) would
//! cover the structure between strings too, which must be validated anyway.

use super::blocks::{BLOCK, Masks, classify};

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
pub(super) fn skip(input: &[u8], pending: Pending) -> Result<Skipped, BadEscape> {
    let mut at = match resume(input, pending)? {
        Resumed::At(at) => at,
        Resumed::Open(pending) => return Ok(Skipped::Open(pending)),
    };
    let mut first_is_escaped = false;
    loop {
        let rest = input.get(at..).unwrap_or_default();
        let masks = match rest.first_chunk::<BLOCK>() {
            Some(block) => classify(block),
            None if rest.is_empty() => {
                let pending = if first_is_escaped { Pending::Escape } else { Pending::Nothing };
                return Ok(Skipped::Open(pending));
            }
            None => classify(&padded(rest)),
        };
        match walk(rest, masks, first_is_escaped).map_err(|offset| BadEscape(at + offset))? {
            Walked::Closed(offset) => return Ok(Skipped::Closed(at + offset)),
            Walked::Cut(pending) => return Ok(Skipped::Open(pending)),
            Walked::On { next_is_escaped } => first_is_escaped = next_is_escaped,
        }
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

enum Walked {
    Closed(usize),
    Cut(Pending),
    /// The block holds no end.
    On {
        next_is_escaped: bool,
    },
}

/// Goes through the block at the start of `rest`. The error is the offset of a
/// bad escape.
#[inline(always)]
fn walk(rest: &[u8], masks: Masks, first_is_escaped: bool) -> Result<Walked, usize> {
    let Masks { quotes, backslashes, letters_n } = masks;
    let first = u64::from(first_is_escaped);
    let escaped = escaped(backslashes & !first) | first;
    let ends = quotes & !escaped;
    // The bits below the lowest one of `ends`; all, if there is none.
    let inside = !ends & ends.wrapping_sub(1);
    let unchecked = escaped & inside & !(quotes | backslashes | letters_n);
    // No test for blocks without a backslash: in a chat it is a toss-up for each block,
    // and a wrong guess costs more than the few operations it would save.
    let escapes = backslashes & !escaped;
    let on = Walked::On { next_is_escaped: escapes >> (BLOCK - 1) != 0 };
    if ends | unchecked == 0 {
        return Ok(on);
    }
    Ok(match (check(rest, unchecked)?, ends) {
        (Some(pending), _) => Walked::Cut(pending),
        (None, 0) => on,
        (None, _) => Walked::Closed(ends.trailing_zeros() as usize + 1),
    })
}

/// Checks the escapes at these bits; what is missing, if the chunk ends in one.
fn check(rest: &[u8], mut unchecked: u64) -> Result<Option<Pending>, usize> {
    while unchecked != 0 {
        let at = unchecked.trailing_zeros() as usize;
        match check_escape(rest.get(at..).unwrap_or_default()) {
            Ok(_) => {}
            Err(Broken::Cut(pending)) => return Ok(Some(pending)),
            Err(Broken::At(offset)) => return Err(at + offset),
        }
        unchecked &= unchecked - 1;
    }
    Ok(None)
}

/// The bytes behind backslashes that are not themselves escaped.
///
/// In a run of backslashes every second byte, counted from the run's start, is
/// escaped, and so is the byte behind a run of odd length: all at the parity
/// opposite to the start's. Adding a run's first bit to it carries through the
/// run to the byte behind. (After Langdale and Lemire, "Parsing Gigabytes of JSON
/// per Second", section 3.1.1.)
#[inline(always)]
fn escaped(backslashes: u64) -> u64 {
    const EVEN: u64 = 0x5555_5555_5555_5555;
    let starts = backslashes & !(backslashes << 1);
    // Each sum differs from the backslashes in its runs and in the byte behind each.
    let even_runs = backslashes.wrapping_add(starts & EVEN) ^ backslashes;
    let odd_runs = backslashes.wrapping_add(starts & !EVEN) ^ backslashes;
    (even_runs & !EVEN) | (odd_runs & EVEN)
}

enum Broken {
    Cut(Pending),
    At(usize),
}

/// Checks what stands behind a backslash; the result is its width: 1, or 5 for `uXXXX`.
#[inline]
fn check_escape(rest: &[u8]) -> Result<usize, Broken> {
    match rest.first() {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(1),
        Some(b'u') => {
            for n in 1..=4_u8 {
                match rest.get(usize::from(n)) {
                    Some(digit) if digit.is_ascii_hexdigit() => {}
                    Some(_) => return Err(Broken::At(n.into())),
                    None => return Err(Broken::Cut(Pending::Hex(5 - n))),
                }
            }
            Ok(5)
        }
        Some(_) => Err(Broken::At(0)),
        None => Err(Broken::Cut(Pending::Escape)),
    }
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

    fn escaped_one_by_one(backslashes: u64) -> u64 {
        let mut escaped = 0;
        for n in 0..63 {
            if backslashes & (1 << n) != 0 && escaped & (1 << n) == 0 {
                escaped |= 1 << (n + 1);
            }
        }
        escaped
    }

    proptest! {
        #[test]
        fn escaped_bytes_are_found_for_any_runs_of_backslashes(a: u64, b: u64, c: u64) {
            for backslashes in [a, a & b, a | b, a | b | c, u64::MAX, !(a & b & c)] {
                prop_assert_eq!(escaped(backslashes), escaped_one_by_one(backslashes));
            }
        }
    }
}
