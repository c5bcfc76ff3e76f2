//! How a session's content and length come about.

use super::{Session, Turn};
use crate::chance::{Chance, mix};
use crate::{BLOCK_TOKENS, Micros, SECOND};

/// Grows a session.
#[derive(Debug)]
pub(super) struct Builder {
    chain: Vec<u64>,
    tokens: u32,
    turns: Vec<Turn>,
}

impl Builder {
    /// A session that begins with this text: `content` names it, whoever sends it.
    pub(super) fn new(model: u64, content: u64, tokens: u32) -> Self {
        let mut builder = Self { chain: vec![mix(model, 1)], tokens: 0, turns: Vec::new() };
        builder.chain.clear();
        builder.text(mix(model, content), tokens);
        builder
    }

    /// Adds text. A block's hash is that of its content and of all before.
    pub(super) fn text(&mut self, content: u64, tokens: u32) {
        self.tokens += tokens;
        while (self.chain.len() as u32 + 1) * BLOCK_TOKENS <= self.tokens {
            let before = self.chain.last().copied().unwrap_or(0);
            self.chain.push(mix(before, content));
        }
    }

    /// Sends what there is and gets an answer of so many tokens.
    pub(super) fn turn(&mut self, pause: f64, answer: u64, output_tokens: u32) {
        let pause = (pause * SECOND as f64) as Micros;
        let output_tokens = output_tokens.max(1);
        self.turns.push(Turn { pause, prompt_tokens: self.tokens, output_tokens });
        self.text(answer, output_tokens);
    }

    pub(super) fn build(self, start: Micros, adapter: Option<u16>) -> Session {
        Session { start, chain: self.chain.into(), turns: self.turns, adapter }
    }
}

/// A number of tokens, log-normal, within bounds.
pub(super) fn tokens(chance: &mut Chance, median: f64, sigma: f64, most: f64) -> u32 {
    chance.log_normal(median, sigma).clamp(4.0, most) as u32
}

/// How many turns: geometric with this mean, from 1.
pub(super) fn turns(chance: &mut Chance, mean: f64, most: usize) -> usize {
    let more = (chance.unit().ln() / (1.0 - 1.0 / mean).ln()) as usize;
    (1 + more).min(most)
}
