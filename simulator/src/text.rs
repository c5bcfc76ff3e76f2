//! The words the simulated model says.
//!
//! Invariant: the same prompt to the same model gets the same text, on every
//! server and in every run, and a text of *n* tokens has `4 n` bytes (fewer
//! only in its last token), so that token counts, cache blocks and text agree.

use crate::engine::{BYTES_PER_TOKEN, Finish, count_tokens};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;

/// Tokens after which the model ends by itself.
const NATURAL_TOKENS: RangeInclusive<usize> = 24..=96;

const SUBJECTS: &[&str] = &[
    "The kernel",
    "A gateway",
    "Each request",
    "The review",
    "Our resort",
    "The film",
    "A model",
    "The answer",
    "This region",
    "The scheduler",
    "A good recipe",
    "The community",
];
const VERBS: &[&str] = &[
    "offers",
    "explains",
    "serves",
    "keeps",
    "shares",
    "balances",
    "recommends",
    "improves",
    "follows",
    "describes",
    "combines",
    "reaches",
];
const OBJECTS: &[&str] = &[
    "open source code",
    "fresh snow",
    "a clear plot",
    "short waiting times",
    "local food",
    "many small parts",
    "steady results",
    "a simple design",
    "long valleys",
    "careful work",
    "warm colours",
    "honest numbers",
];
const TAILS: &[&str] = &[
    "for everyone",
    "in most cases",
    "with few exceptions",
    "as one would expect",
    "year after year",
    "without much effort",
    "at a fair price",
    "under heavy load",
];

/// What a request allows.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// The most tokens there may be, 1 or more.
    pub max_tokens: usize,
    /// The fewest.
    pub min_tokens: usize,
    /// Go on to the limit whatever the model would do.
    pub ignore_eos: bool,
}

/// A text with its token count.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Generated {
    /// ASCII only, so that it can be cut anywhere.
    pub text: String,
    /// Tokens of the text.
    pub tokens: usize,
    /// Why it ended.
    pub finish: Finish,
}

impl Generated {
    /// The text of the tokens from number `from` up to, not including, `to`.
    pub fn tokens(&self, from: usize, to: usize) -> &str {
        let start = (from * BYTES_PER_TOKEN).min(self.text.len());
        let end = (to * BYTES_PER_TOKEN).min(self.text.len());
        self.text.get(start..end).unwrap_or_default()
    }
}

/// A seed from whatever identifies the question.
pub fn seed(question: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    question.hash(&mut hasher);
    hasher.finish()
}

/// Says something.
pub fn generate(seed: u64, budget: Budget) -> Generated {
    let mut dice = StdRng::seed_from_u64(seed);
    let natural = dice.random_range(NATURAL_TOKENS).max(budget.min_tokens);
    let wanted = if budget.ignore_eos { budget.max_tokens } else { natural };
    let enough = wanted.min(budget.max_tokens) * BYTES_PER_TOKEN;
    let mut text = String::with_capacity(enough + 80);
    while text.len() < enough {
        if !text.is_empty() {
            text.push(' ');
        }
        for (words, end) in [(SUBJECTS, ' '), (VERBS, ' '), (OBJECTS, ' '), (TAILS, '.')] {
            text.push_str(words.get(dice.random_range(0..words.len())).unwrap_or(&"so"));
            text.push(end);
        }
    }
    let limit = budget.max_tokens * BYTES_PER_TOKEN;
    let finish = if budget.ignore_eos || text.len() > limit {
        text.truncate(limit);
        Finish::Length
    } else {
        Finish::Stop
    };
    Generated { tokens: count_tokens(text.as_bytes()), text, finish }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Budget = Budget { max_tokens: 1000, min_tokens: 0, ignore_eos: false };

    #[test]
    fn a_seed_always_says_the_same_and_another_something_else() {
        assert_eq!(generate(1, FREE), generate(1, FREE));
        assert_ne!(generate(1, FREE).text, generate(2, FREE).text);
    }

    #[test]
    fn a_free_answer_ends_with_a_sentence() {
        let said = generate(3, FREE);
        assert_eq!(said.finish, Finish::Stop);
        assert!(said.text.ends_with('.'));
        assert!(said.tokens >= *NATURAL_TOKENS.start());
    }

    #[test]
    fn the_limit_cuts_the_answer_at_exactly_that_many_tokens() {
        let said = generate(3, Budget { max_tokens: 7, ..FREE });
        assert_eq!((said.tokens, said.text.len(), said.finish), (7, 28, Finish::Length));
        let said = generate(3, Budget { ignore_eos: true, max_tokens: 500, ..FREE });
        assert_eq!((said.tokens, said.finish), (500, Finish::Length));
    }

    #[test]
    fn a_minimum_is_kept() {
        assert!(generate(3, Budget { min_tokens: 300, ..FREE }).tokens >= 300);
    }

    #[test]
    fn tokens_put_together_are_the_text() {
        let said = generate(5, FREE);
        let pieces: String = (0..said.tokens).map(|n| said.tokens(n, n + 1)).collect();
        assert_eq!(pieces, said.text);
    }
}
