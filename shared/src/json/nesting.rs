//! Which brackets are open: one bit each.
//!
//! A fixed array rather than a growing vector, so that no body makes the
//! scanner allocate.

/// The deepest nesting that is followed; a body nested deeper is refused.
///
/// Eight times `serde_json`'s limit. Python's `json`, which vLLM and SGLang
/// use, gives up near 1,000 levels.
pub const MAX_DEPTH: usize = 1024;

const WORDS: usize = MAX_DEPTH / 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Object,
    Array,
}

/// A stack of [`Container`]s.
#[derive(Debug)]
pub(super) struct Nesting {
    /// Bit `n` is set when the container at depth `n + 1` is an array.
    arrays: [u64; WORDS],
    depth: usize,
}

/// [`MAX_DEPTH`] brackets are open already.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Nesting {
    pub(super) const fn new() -> Self {
        Self { arrays: [0; WORDS], depth: 0 }
    }

    /// The number of open brackets.
    #[inline]
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    #[inline]
    pub(super) fn push(&mut self, container: Container) -> Result<(), Full> {
        let Some(word) = self.arrays.get_mut(self.depth / 64) else {
            return Err(Full);
        };
        let bit = 1 << (self.depth % 64);
        match container {
            Container::Object => *word &= !bit,
            Container::Array => *word |= bit,
        }
        self.depth += 1;
        Ok(())
    }

    /// Closes the innermost bracket; nothing happens when none is open.
    #[inline]
    pub(super) fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// The innermost open container.
    #[inline]
    pub(super) fn innermost(&self) -> Option<Container> {
        let index = self.depth.checked_sub(1)?;
        let word = self.arrays.get(index / 64)?;
        Some(if word & (1 << (index % 64)) == 0 { Container::Object } else { Container::Array })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn containers_come_back_in_reverse_order_across_words() {
        let mut nesting = Nesting::new();
        let kind = |n: usize| {
            if n.is_multiple_of(3) { Container::Array } else { Container::Object }
        };
        for n in 0..MAX_DEPTH {
            assert_eq!(nesting.push(kind(n)), Ok(()));
        }
        assert_eq!(nesting.push(Container::Array), Err(Full));
        for n in (0..MAX_DEPTH).rev() {
            assert_eq!(nesting.depth(), n + 1);
            assert_eq!(nesting.innermost(), Some(kind(n)));
            nesting.pop();
        }
        assert_eq!(nesting.innermost(), None);
        nesting.pop();
        assert_eq!(nesting.depth(), 0);
    }
}
