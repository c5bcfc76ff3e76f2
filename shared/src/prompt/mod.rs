//! What a request's prompt begins with, as a chain of block hashes, so that a
//! picker can send requests with the same beginning to the same model server.
//!
//! [`PromptDigest`] looks on while the [scanner](crate::json) goes through a body;
//! [`RequestFacts`] is what it found, in the form that goes from filter to filter.
//!
//! Invariant: equal chains up to block `n` mean (but for collisions) that model, salt
//! and the first `n` blocks of the prompt are equal. The chain does not depend on
//! where the body is cut, on white space between tokens, or on the order of keys
//! where the model server builds the same prompt of any order. Memory is bounded by
//! the settings, whatever the body, and behind the last block nothing is hashed.
//!
//! Strings count as they stand in the body, escapes included: a client repeats a
//! conversation as it sent it, and decoding costs more than scanning does. Two clients
//! that escape one text in two ways share no blocks.
//!
//! Rejected alternatives: a second scanner beside the first (tried; 10 to 50 times the
//! scanner's time on text with escapes); the server's tokenizer and chat template,
//! which are another one per model and cost a thousand times as much.

mod blocks;
mod digest;
mod facts;
mod hash;
mod leaf;
mod names;
mod record;
mod settings;

pub use digest::PromptDigest;
pub use facts::{FactsError, REQUEST_FACTS, RequestFacts};
pub use settings::{DigestSettings, OutOfBounds};

#[cfg(test)]
mod tests;
