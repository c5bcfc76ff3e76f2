//! Request bodies to measure with, by kind and size.
//!
//! Invariant: a body depends on kind, size, the model's place and a number alone, has
//! exactly the size asked for, and is JSON that `serde_json` accepts. Rejected: recorded
//! chats; they would be someone's, and of one size.

use std::fmt::{self, Display, Write};

/// The model every body names; an adapter of the guides' first pool.
pub const MODEL: &str = "food-review-1";

/// What a body is full of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Messages with quotes, escapes and newlines every few words, as chats have.
    Chat,
    /// One image as a base64 data URL: a long string without a single escape.
    Image,
    /// Arrays and objects 60 levels deep.
    Nested,
    /// A prompt of token ids: numbers and commas.
    Tokens,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Chat, Self::Image, Self::Nested, Self::Tokens];

    /// A short name for tables and benches.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Image => "image",
            Self::Nested => "nested",
            Self::Tokens => "tokens",
        }
    }
}

/// Where `model` stands in the object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// Before everything else.
    First,
    /// After everything else: nothing can be decided before the body's end.
    #[default]
    Last,
}

/// A size in bytes; `K` is 1000, `M` a million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub usize);

impl Size {
    /// The sizes that are measured.
    pub const ALL: [Self; 5] =
        [Self(300), Self(8_000), Self(100_000), Self(1_000_000), Self(10_000_000)];
}

impl Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n >= 1_000_000 && n % 1_000_000 == 0 => write!(f, "{} MB", n / 1_000_000),
            n if n >= 1_000 && n % 1_000 == 0 => write!(f, "{} KB", n / 1_000),
            n => write!(f, "{n} B"),
        }
    }
}

/// The most bytes of [`varied`] bodies together: more than a processor's inner caches hold,
/// as bodies come from somewhere else.
const VARIED_BYTES: usize = 3_200_000;
/// The most of them.
const VARIED: usize = 64;

/// Different bodies of one kind and size, for readers whose time depends on what they read:
/// of one body that comes again and again, a processor learns where its quotes and escapes
/// stand, and no gateway sees the same prompt a thousand times.
#[must_use]
pub fn varied(kind: Kind, size: Size, place: Place) -> Vec<Vec<u8>> {
    let count = VARIED_BYTES.checked_div(size.0).unwrap_or(VARIED).clamp(1, VARIED);
    (0..count as u64).map(|number| numbered(kind, size, place, number)).collect()
}

/// Makes a body of exactly `size` bytes; at least 200.
#[must_use]
pub fn body(kind: Kind, size: Size, place: Place) -> Vec<u8> {
    numbered(kind, size, place, 0)
}

fn numbered(kind: Kind, size: Size, place: Place, number: u64) -> Vec<u8> {
    let mut text = String::with_capacity(size.0);
    text.push('{');
    let model = format!("\"model\":\"{MODEL}\"");
    if place == Place::First {
        text.push_str(&model);
        text.push(',');
    }
    let tail = match place {
        Place::First => "}".to_owned(),
        Place::Last => format!(",{model}}}"),
    };
    let end = size.0.saturating_sub(tail.len());
    match kind {
        Kind::Chat => chat(&mut text, end, number),
        Kind::Image => image(&mut text, end, number),
        // All alike.
        Kind::Nested => nested(&mut text, end),
        Kind::Tokens => tokens(&mut text, end, number),
    }
    text.push_str(&tail);
    text.into_bytes()
}

/// Words as they stand in JSON strings.
const WORDS: [&str; 16] = [
    "the ",
    "model ",
    "said \\\"",
    "yes\\\" ",
    "and ",
    "then\\n",
    "routes ",
    "every ",
    "request ",
    "with ",
    "C:\\\\dir ",
    "a prompt ",
    "of ",
    "many tokens, ",
    "caf\u{e9} ",
    "\\u00fcber ",
];

fn chat(text: &mut String, end: usize, number: u64) {
    const TURN: &str = "{\"role\":\"user\",\"content\":\"";
    const ANSWER: &str = "{\"role\":\"assistant\",\"content\":\"";
    const CLOSE: &str = "\"}],\"temperature\":0.7,\"max_tokens\":100,\"stream\":true";
    /// A message is about this long, in bytes.
    const MESSAGE: usize = 2_000;
    let mut random = fastrand::Rng::with_seed(1 + 3 * number);
    let end = end.saturating_sub(CLOSE.len());
    text.push_str("\"messages\":[");
    for turn in [TURN, ANSWER].iter().cycle() {
        text.push_str(turn);
        let stop = (text.len() + MESSAGE).min(end);
        let mut word = random.choice(WORDS).unwrap_or(" ");
        while text.len() + word.len() <= stop {
            text.push_str(word);
            word = random.choice(WORDS).unwrap_or(" ");
        }
        // Is there room for one more message, and a word in it?
        if text.len() + 100 > end {
            break;
        }
        text.push_str("\"},");
    }
    pad(text, end, 'x');
    text.push_str(CLOSE);
}

fn image(text: &mut String, end: usize, number: u64) {
    const OPEN: &str = "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,";
    const CLOSE: &str = "\"}}]}]";
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut random = fastrand::Rng::with_seed(2 + 3 * number);
    text.push_str(OPEN);
    let missing = (end.saturating_sub(CLOSE.len())).saturating_sub(text.len());
    text.extend((0..missing).filter_map(|_| random.choice(ALPHABET).map(|byte| *byte as char)));
    text.push_str(CLOSE);
}

fn nested(text: &mut String, end: usize) {
    /// Arrays and objects each; `serde_json` allows 128 levels in all.
    const LEVELS: usize = 30;
    let unit = format!("{}null{}", "[{\"a\":".repeat(LEVELS), "}]".repeat(LEVELS));
    text.push_str("\"messages\":[0");
    while text.len() + unit.len() + 2 <= end {
        text.push(',');
        text.push_str(&unit);
    }
    pad(text, end.saturating_sub(1), ' ');
    text.push(']');
}

fn tokens(text: &mut String, end: usize, number: u64) {
    let mut random = fastrand::Rng::with_seed(3 + 3 * number);
    text.push_str("\"prompt\":[0");
    while text.len() + ",128000]".len() <= end {
        // A `String` takes whatever is written.
        let _ = write!(text, ",{}", random.u32(0..128_000));
    }
    pad(text, end.saturating_sub(1), ' ');
    text.push(']');
}

fn pad(text: &mut String, end: usize, with: char) {
    let missing = end.saturating_sub(text.len());
    text.extend(std::iter::repeat_n(with, missing));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn every() -> impl Iterator<Item = (Kind, Size, Place)> {
        Kind::ALL.into_iter().flat_map(|kind| {
            let sizes = Size::ALL.into_iter().filter(|size| size.0 <= 1_000_000);
            sizes.flat_map(move |size| [Place::First, Place::Last].map(|place| (kind, size, place)))
        })
    }

    #[test]
    fn a_body_is_json_of_exactly_its_size_with_the_model() {
        for (kind, size, place) in every() {
            let body = body(kind, size, place);
            assert_eq!(body.len(), size.0, "{kind:?} {size} {place:?}");
            let value: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(value["model"], MODEL, "{kind:?} {size} {place:?}");
        }
    }

    #[test]
    fn varied_bodies_differ_and_the_first_is_the_one_that_stands_alone() {
        let bodies = varied(Kind::Chat, Size(100_000), Place::Last);
        assert_eq!(bodies.len(), 32);
        assert_eq!(bodies[0], body(Kind::Chat, Size(100_000), Place::Last));
        for (n, one) in bodies.iter().enumerate() {
            assert_eq!(one.len(), 100_000);
            assert!(bodies[..n].iter().all(|other| other != one), "{n}");
        }
        assert_eq!(varied(Kind::Chat, Size(10_000_000), Place::Last).len(), 1);
        assert_eq!(varied(Kind::Chat, Size(300), Place::Last).len(), VARIED);
    }

    #[test]
    fn the_model_stands_where_it_was_asked_for() {
        let first = body(Kind::Chat, Size(300), Place::First);
        assert!(first.starts_with(b"{\"model\":\"food-review-1\","));
        let last = body(Kind::Chat, Size(300), Place::Last);
        assert!(last.ends_with(b",\"model\":\"food-review-1\"}"));
    }

    #[test]
    fn chat_has_an_escape_at_least_every_40_bytes() {
        let body = body(Kind::Chat, Size(100_000), Place::Last);
        let escapes = body.iter().filter(|byte| **byte == b'\\').count();
        assert!(escapes > 100_000 / 40, "{escapes}");
    }

    #[test]
    fn sizes_are_written_for_people() {
        let texts = Size::ALL.map(|size| size.to_string());
        assert_eq!(texts, ["300 B", "8 KB", "100 KB", "1 MB", "10 MB"]);
    }
}
