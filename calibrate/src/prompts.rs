//! Prompts with the blocks of the simulation.
//!
//! Invariant: two prompts begin with the same *n* blocks for a model server exactly if they
//! do in the simulation: a block's text is made from its hash, and stands for all before.
//! What the model answered stands in the next prompt as it was answered, so that the server
//! finds it in its cache.
//!
//! Rejected: prompts of words. Nobody reads them, and a word is not four bytes, which is
//! what the demo's servers and the BBR filter take for a token.

use std::ops::Range;

use simulate::BLOCK_TOKENS;
use simulate::chance::mix;
use simulate::workload::Session;
use simulator::engine::BYTES_PER_TOKEN;

/// Letters and a space: none of them is escaped in JSON.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyzABCDE ";

/// The tokens from one place in a chain to another, as text.
#[must_use]
pub fn text(chain: &[u64], tokens: Range<u32>) -> String {
    let bytes = |token: u32| {
        let (block, place) = (token / BLOCK_TOKENS, token % BLOCK_TOKENS);
        let last = chain.last().copied().unwrap_or(0);
        // What fills no block is nobody else's.
        let hash = chain.get(block as usize).copied().unwrap_or_else(|| mix(last, block.into()));
        let bits = mix(hash, u64::from(place) + 1).to_le_bytes();
        bits.into_iter().take(BYTES_PER_TOKEN)
    };
    let letter = |byte: u8| {
        char::from(LETTERS.get(usize::from(byte) % LETTERS.len()).copied().unwrap_or(b' '))
    };
    tokens.flat_map(bytes).map(letter).collect()
}

/// A session's prompts, one after the other.
#[derive(Debug)]
pub struct Conversation<'a> {
    session: &'a Session,
    said: String,
}

impl<'a> Conversation<'a> {
    /// Nothing was said yet.
    #[must_use]
    pub fn new(session: &'a Session) -> Self {
        Self { session, said: String::new() }
    }

    /// The prompt of the turn that ends after so many tokens.
    pub fn prompt(&mut self, prompt_tokens: u32) -> &str {
        let from = u32::try_from(self.said.len() / BYTES_PER_TOKEN).unwrap_or(u32::MAX);
        self.said += &text(&self.session.chain, from..prompt_tokens);
        &self.said
    }

    /// The answer, whole.
    pub fn answered(&mut self, answer: &str) {
        self.said += answer;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use simulate::SECOND;
    use simulate::workload::Small;
    use simulator::engine::{block_hashes, count_tokens};

    /// What the demo's servers would make of the prompts, beside what the simulation does.
    fn pairs(workload: Small) -> Vec<(u64, simulator::engine::BlockHash)> {
        let mut pairs = Vec::new();
        for (n, session) in workload.sessions(1, 10 * SECOND).iter().enumerate() {
            let mut conversation = Conversation::new(session);
            for (turn, of) in session.turns.iter().enumerate() {
                let prompt = conversation.prompt(of.prompt_tokens);
                assert_eq!(count_tokens(prompt.as_bytes()), of.prompt_tokens as usize);
                let hashes = block_hashes("", prompt.as_bytes(), BLOCK_TOKENS as usize);
                assert_eq!(hashes.len(), (of.prompt_tokens / BLOCK_TOKENS) as usize);
                // Of an unfinished block the next turn's prompt shows what it became.
                pairs.extend(session.chain.iter().copied().zip(hashes));
                let bytes = of.output_tokens as usize * BYTES_PER_TOKEN;
                let words = format!("{n} answers {turn} ");
                conversation.answered(&words.chars().cycle().take(bytes).collect::<String>());
            }
        }
        pairs
    }

    #[test]
    fn servers_find_the_simulation_s_blocks_in_the_prompts() {
        for workload in Small::ALL {
            let pairs = pairs(workload);
            assert!(pairs.len() > 500, "{}", workload.name());
            let (mut there, mut back) = (HashMap::new(), HashMap::new());
            for (simulated, real) in pairs {
                assert_eq!(*there.entry(simulated).or_insert(real), real, "{}", workload.name());
                assert_eq!(
                    *back.entry(real).or_insert(simulated),
                    simulated,
                    "{}",
                    workload.name()
                );
            }
        }
    }
}
