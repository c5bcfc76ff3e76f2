//! The families somebody wants, made ready for refusing all other lines quickly.
//!
//! Invariant: a line of a wanted family is never ruled out; of other lines nearly
//! all are, by one load, one multiplication and one table look-up. An exact match
//! for all names (a trie, Aho-Corasick) would say no more of those lines and take
//! longer.

use super::FamilyName;

/// How many bytes of a line are looked at to rule it out.
const HEAD: usize = 8;

/// The families to read from a page. A family is known by its position in the list
/// it was made from.
#[derive(Debug, Clone)]
pub struct Wanted {
    names: Vec<FamilyName>,
    /// The bytes that all names have, at most [`HEAD`].
    common: usize,
    /// Ones over the first `common` bytes of a little-endian word.
    mask: u64,
    /// By hash of a line's first `common` bytes: whether a wanted name may start so.
    plausible: [bool; 256],
}

impl Wanted {
    /// Makes a list ready. Of a name that is in it twice, the first counts.
    pub fn new(names: impl IntoIterator<Item = FamilyName>) -> Self {
        let names: Vec<FamilyName> = names.into_iter().collect();
        let shortest = names.iter().map(|name| name.as_str().len()).min();
        let common = shortest.unwrap_or(HEAD).min(HEAD);
        let mask = (0..common).fold(0, |mask, byte| mask | 0xFF << (8 * byte));
        let mut plausible = [false; 256];
        for name in &names {
            let slot = hash(head(name.as_str().as_bytes()) & mask);
            if let Some(slot) = plausible.get_mut(usize::from(slot)) {
                *slot = true;
            }
        }
        Self { names, common, mask, plausible }
    }

    /// The names, in the order given.
    pub fn names(&self) -> &[FamilyName] {
        &self.names
    }

    /// Whether the line at the start of `rest` cannot be a wanted one. `rest` goes on
    /// to the end of the chunk and may be a line's first bytes only.
    #[inline(always)]
    pub(super) fn rules_out(&self, rest: &[u8]) -> bool {
        let word = match rest.first_chunk::<HEAD>() {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None if rest.len() < self.common => return false,
            None => head(rest),
        };
        let plausible = self.plausible.get(usize::from(hash(word & self.mask)));
        // Lines may be indented, so one that starts with a blank is to be looked at.
        plausible == Some(&false) && word & 0xFF > u64::from(b' ')
    }

    /// The family of a line that has no blanks around it, and what follows the name.
    pub(super) fn find<'l>(&self, line: &'l [u8]) -> Option<(usize, &'l [u8])> {
        self.names.iter().enumerate().find_map(|(family, name)| {
            let rest = line.strip_prefix(name.as_str().as_bytes())?;
            matches!(rest.first(), None | Some(b'{' | b' ' | b'\t')).then_some((family, rest))
        })
    }
}

/// The first bytes as a little-endian word, filled up with zeros.
#[cold]
fn head(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().take(HEAD).enumerate();
    bytes.fold(0, |word, (at, byte)| word | u64::from(*byte) << (8 * at))
}

/// The upper bits of the product with the golden ratio (Fibonacci hashing): they
/// depend on all bytes.
#[inline(always)]
fn hash(word: u64) -> u8 {
    (word.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}
