//! What BBR knows of a request and the picker wants to know, as bytes.
//!
//! A version, the small facts in postcard's form, then the chain, 8 bytes an entry:
//! hashes have no small numbers that a variable length would shorten.
//!
//! Invariant: bytes of another version, or cut short, are an error and never a
//! wrong chain; so the two filters may be of different releases.

use serde::{Deserialize, Serialize};

/// Where the facts stand in the stream's filter state; clients cannot set it.
pub const REQUEST_FACTS: &str = "igw.request";

/// First byte of the encoded form; it changes with the form and with the hash.
const VERSION: u8 = 1;

/// What a body said of its prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestFacts {
    /// Bytes of the prompt's parts as they stand in the body, without white space between
    /// tokens and keys that all prompts have.
    pub prompt_bytes: u64,
    /// Tokens that the prompt may have: an estimate.
    pub prompt_tokens: u32,
    /// Tokens per block of the chain.
    pub block_tokens: u32,
    /// The most tokens that the answer may have, if the body says so.
    pub max_tokens: Option<u32>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// A hash of the body's `user`, if it has one.
    pub user: Option<u64>,
    /// One hash per full block of the prompt's beginning; each stands for all before it
    /// too, and for the model and the salt. Empty, if the body is ambiguous.
    #[serde(skip)]
    pub chain: Vec<u64>,
}

/// Why bytes are no facts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// Another release wrote them, or nobody did.
    #[error("facts of version {found:?}, not {VERSION}")]
    Version {
        /// Their first byte, if there is one.
        found: Option<u8>,
    },
    /// They are cut short or something else.
    #[error("facts are malformed")]
    Malformed,
}

impl RequestFacts {
    /// The facts as bytes; at most 8 per block and some 40 more.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(48 + self.chain.len() * 8);
        bytes.push(VERSION);
        // Numbers into a vector: nothing that could fail. What it left out, if it did,
        // would be malformed.
        let mut bytes = postcard::to_extend(self, bytes).unwrap_or_default();
        bytes.extend(self.chain.iter().flat_map(|entry| entry.to_le_bytes()));
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// If the bytes have another version or another form.
    pub fn decode(bytes: &[u8]) -> Result<Self, FactsError> {
        let rest = match bytes.split_first() {
            Some((&VERSION, rest)) => rest,
            first => return Err(FactsError::Version { found: first.map(|(version, _)| *version) }),
        };
        let (mut facts, chain): (Self, _) =
            postcard::take_from_bytes(rest).map_err(|_| FactsError::Malformed)?;
        let (entries, rest) = chain.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(FactsError::Malformed);
        }
        facts.chain = entries.iter().map(|entry| u64::from_le_bytes(*entry)).collect();
        Ok(facts)
    }
}
