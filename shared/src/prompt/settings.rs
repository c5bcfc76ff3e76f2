//! How much of a prompt is digested, and how finely.

/// Bounds of a digest. Cannot be wrong: what lies outside is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigestSettings {
    pub(super) characters_per_token: u32,
    pub(super) block_tokens: u32,
    pub(super) max_blocks: usize,
}

/// A field outside of its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{value} is not between {low} and {high}")]
pub struct OutOfBounds {
    /// The field, as configurations spell it.
    pub field: &'static str,
    /// What stood there.
    pub value: u32,
    /// The least that may.
    pub low: u32,
    /// The most that may.
    pub high: u32,
}

impl DigestSettings {
    /// Settings: bytes of JSON text per token (1 to 8), tokens per block (16 to 256),
    /// blocks per chain (1 to 256).
    ///
    /// # Errors
    /// Names the field that is outside of its bounds.
    pub fn new(
        characters_per_token: u32,
        block_tokens: u32,
        max_blocks: u32,
    ) -> Result<Self, OutOfBounds> {
        let check = |field, value, low, high| {
            if (low..=high).contains(&value) {
                Ok(value)
            } else {
                Err(OutOfBounds { field, value, low, high })
            }
        };
        Ok(Self {
            characters_per_token: check("charactersPerToken", characters_per_token, 1, 8)?,
            block_tokens: check("blockTokens", block_tokens, 16, 256)?,
            max_blocks: check("maxBlocks", max_blocks, 1, 256)? as usize,
        })
    }

    /// Bytes of text per block.
    pub(super) fn block_bytes(self) -> u64 {
        u64::from(self.characters_per_token) * u64::from(self.block_tokens)
    }
}
