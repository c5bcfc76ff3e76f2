//! Escapes that were seen and are still to be checked.
//!
//! Whether a block of a prompt holds one is a toss-up where the text has accents or an
//! alphabet of its own, and each wrong guess of the processor costs as much as the whole
//! block. So offsets are noted without a branch and checked later, many at once.
//!
//! Invariant: between two strings nothing is noted; what is noted ascends, so the first
//! bad escape is found first.

use super::blocks::BLOCK;
use super::skip::{BadEscape, Pending};

/// Offsets noted before they are checked. More than a few blocks have: each check of all
/// is one wrong guess, at its end.
const KEPT: usize = 2 * BLOCK;

/// Offsets of bytes behind backslashes, within the bytes that are skipped.
#[derive(Debug)]
pub(super) struct Escapes {
    at: [usize; KEPT],
    count: usize,
}

impl Escapes {
    pub(super) const fn new() -> Self {
        Self { at: [0; KEPT], count: 0 }
    }

    /// Notes the bytes of these bits, in a block that starts at `start`; whether those of
    /// another block have room.
    #[inline(always)]
    pub(super) fn note(&mut self, start: usize, mut bits: u64) -> bool {
        // One and two cost the same as none, and few blocks have more.
        for _ in 0..2 {
            self.put(start, bits);
            self.count += usize::from(bits != 0);
            bits &= bits.wrapping_sub(1);
        }
        while bits != 0 {
            self.put(start, bits);
            self.count += 1;
            bits &= bits.wrapping_sub(1);
        }
        self.count <= KEPT - BLOCK
    }

    #[inline(always)]
    fn put(&mut self, start: usize, bits: u64) {
        if let Some(next) = self.at.get_mut(self.count) {
            *next = start + bits.trailing_zeros() as usize;
        }
    }

    /// Checks all that were noted; what is missing, if the last one is cut.
    #[inline]
    pub(super) fn check(&mut self, input: &[u8]) -> Result<Option<Pending>, BadEscape> {
        let count = std::mem::take(&mut self.count);
        for &at in self.at.iter().take(count) {
            match check_escape(input.get(at..).unwrap_or_default()) {
                Ok(_) => {}
                Err(Broken::Cut(pending)) => return Ok(Some(pending)),
                Err(Broken::At(offset)) => return Err(BadEscape(at + offset)),
            }
        }
        Ok(None)
    }
}

pub(super) enum Broken {
    Cut(Pending),
    At(usize),
}

/// Checks what stands behind a backslash; the result is its width: 1, or 5 for `uXXXX`.
#[inline]
pub(super) fn check_escape(rest: &[u8]) -> Result<usize, Broken> {
    match rest.first() {
        Some(b'u') => match rest.get(1..).and_then(|rest| rest.first_chunk()) {
            Some(digits) if are_hex(*digits) => Ok(5),
            _ => check_hex(rest),
        },
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(1),
        Some(_) => Err(Broken::At(0)),
        None => Err(Broken::Cut(Pending::Escape)),
    }
}

/// Finds the digit behind `u` that is none, or missing.
#[cold]
fn check_hex(rest: &[u8]) -> Result<usize, Broken> {
    for n in 1..=4_u8 {
        match rest.get(usize::from(n)) {
            Some(digit) if digit.is_ascii_hexdigit() => {}
            Some(_) => return Err(Broken::At(n.into())),
            None => return Err(Broken::Cut(Pending::Hex(5 - n))),
        }
    }
    Ok(5)
}

/// Whether all four are hexadecimal digits, without a branch.
#[inline(always)]
fn are_hex(digits: [u8; 4]) -> bool {
    digits.iter().fold(true, |all, digit| all & digit.is_ascii_hexdigit())
}
