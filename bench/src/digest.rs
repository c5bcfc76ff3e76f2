//! What digesting a prompt adds to the scanner's time.
//!
//! Invariant: both go through the same bodies in the same chunks, in alternating
//! samples, and a digest that found no chain is an error. Bodies of one kind and size
//! are many, so that no branch predictor learns one by heart.

use crate::contenders::CHUNK;
use crate::stats::Spread;
use crate::timing::{time, warm_up};
use serde::{Deserialize, Serialize};
use shared::json::{Observer, Scanner, Unobserved};
use shared::prompt::{DigestSettings, PromptDigest};
use std::fmt::Write;
use std::hint::black_box;

/// Bytes of all bodies of one kind and size together, at least: more than a predictor
/// remembers.
const MANY: usize = 200_000;

/// What a body is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chat {
    /// Messages of about 2,000 bytes with an escape every few words.
    Long,
    /// Messages of about 120 bytes.
    Short,
    /// The same, with the white space that Python's `json.dumps` puts between tokens.
    Spaced,
    /// Text without escapes.
    Plain,
    /// Tools of some 500 bytes each, then a message.
    Tools,
}

impl Chat {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Long, Self::Short, Self::Spaced, Self::Plain, Self::Tools];

    /// A short name.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Long => "long messages",
            Self::Short => "short messages",
            Self::Spaced => "short messages, spaced",
            Self::Plain => "no escapes",
            Self::Tools => "tools",
        }
    }
}

/// Bodies of about `size` bytes each.
#[must_use]
pub fn bodies(chat: Chat, size: usize) -> Vec<Vec<u8>> {
    let count = MANY.div_ceil(size.max(1));
    (0..count as u64).map(|seed| body(chat, size, seed)).collect()
}

fn body(chat: Chat, size: usize, seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut text = String::from("{\"model\":\"m\",");
    let (comma, colon) = if chat == Chat::Spaced { (", ", ": ") } else { (",", ":") };
    if chat == Chat::Tools {
        text.push_str("\"tools\":[");
        while text.len() + 800 < size.max(1_500) {
            let n = random.u32(..);
            // A `String` takes whatever is written.
            let _ = write!(
                text,
                "{{\"type\":\"function\",\"function\":{{\"name\":\"f{n}\",\"description\":\"Looks up what {n} says, and to whom.\",\
                 \"parameters\":{{\"type\":\"object\",\"properties\":{{\"city\":{{\"type\":\"string\",\"description\":\"A city's name\"}},\
                 \"days\":{{\"type\":\"integer\",\"minimum\":1,\"maximum\":14}}}},\"required\":[\"city\"],\"additionalProperties\":false}},\"strict\":true}}}},"
            );
        }
        text.pop();
        text.push_str("],");
    }
    let length = match chat {
        Chat::Short | Chat::Spaced => 60..180,
        _ => 1_000..3_000,
    };
    let _ = write!(text, "\"messages\"{colon}[");
    let mut role = ["user", "assistant"].iter().cycle();
    loop {
        let _ = write!(
            text,
            "{{\"role\"{colon}\"{}\"{comma}\"content\"{colon}\"",
            role.next().unwrap_or(&"user")
        );
        let stop = (text.len() + random.usize(length.clone())).min(size);
        while text.len() < stop {
            words(&mut text, chat, &mut random);
        }
        text.push_str("\"}");
        if text.len() + 60 > size {
            break;
        }
        text.push_str(comma);
    }
    text.push_str("]}");
    text.into_bytes()
}

fn words(text: &mut String, chat: Chat, random: &mut fastrand::Rng) {
    const WORDS: [&str; 12] = [
        "the ",
        "model ",
        "and ",
        "then ",
        "routes ",
        "every ",
        "request ",
        "with ",
        "of ",
        "many tokens, ",
        "caf\u{e9} ",
        "prompt ",
    ];
    const ESCAPES: [&str; 4] = ["\\n", "said \\\"yes\\\" ", "C:\\\\dir ", "\\u00fcber "];
    let escapes = chat != Chat::Plain && random.u32(..6) == 0;
    let word = if escapes { random.choice(ESCAPES) } else { random.choice(WORDS) };
    text.push_str(word.unwrap_or(" "));
}

/// Scans bodies in Envoy's chunks, unobserved.
#[must_use]
pub fn scan(bodies: &[Vec<u8>]) -> bool {
    bodies.iter().all(|body| through(body, Unobserved).is_some())
}

/// The same, digesting; a chain must come of it.
#[must_use]
pub fn digest(bodies: &[Vec<u8>], settings: DigestSettings) -> bool {
    bodies.iter().all(|body| {
        through(body, PromptDigest::new(settings))
            .and_then(|digest| digest.facts("m"))
            .is_some_and(|facts| !facts.chain.is_empty() || body.len() < 1_000)
    })
}

fn through<O: Observer>(body: &[u8], observer: O) -> Option<O> {
    let mut scanner = Scanner::observed(shared::models::MAX_MODEL_NAME_BYTES, observer);
    for chunk in body.chunks(CHUNK) {
        scanner.feed(chunk).ok()?;
    }
    Some(scanner.finish_observed().ok()?.1)
}

/// The figures of one kind and size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The [`Chat::label`].
    pub chat: String,
    /// Bytes of a body.
    pub size: usize,
    /// Nanoseconds that the scanner takes for a body.
    pub scan: Spread,
    /// What the digest adds, as a share of that.
    pub added: Spread,
}

/// Measures one kind and size; `None` if a body was read wrongly.
#[must_use]
pub fn share(chat: Chat, size: usize, rounds: usize, settings: DigestSettings) -> Option<Share> {
    let bodies = bodies(chat, size);
    let scans = || scan(black_box(&bodies));
    let digests = || digest(black_box(&bodies), settings);
    let repeats = (warm_up(scans)?, warm_up(digests)?);
    let mut times = Vec::new();
    for _ in 0..rounds.max(1) {
        times.push((time(repeats.0, scans)?, time(repeats.1, digests)?));
    }
    Some(Share {
        chat: chat.label().to_owned(),
        size,
        scan: Spread::of(times.iter().map(|(scan, _)| scan / bodies.len() as f64))?,
        added: Spread::of(times.iter().map(|(scan, digest)| digest / scan - 1.0))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_of_about_their_size() {
        for chat in Chat::ALL {
            for size in [300, 8_000, 100_000] {
                let bodies = bodies(chat, size);
                assert!(bodies.len() * size >= MANY);
                for body in bodies.iter().take(5) {
                    assert!(serde_json::from_slice::<serde_json::Value>(body).is_ok(), "{chat:?}");
                    assert!((size - 200..size + 3_000).contains(&body.len()), "{chat:?} {size}");
                }
            }
        }
    }

    #[test]
    fn a_share_is_measured_of_both() {
        let settings = DigestSettings::new(4, 64, 128).unwrap();
        let share = share(Chat::Long, 8_000, 2, settings).unwrap();
        assert!(share.scan.min > 0.0 && share.added.max > -1.0);
    }
}
