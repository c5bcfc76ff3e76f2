//! What the scanner is measured against, each as a function over a whole body.
//!
//! Invariant: each one does all it has to: the readers return the model they found,
//! and a contender that finds another one than the rest is an error, not a figure.

use crate::bodies::MODEL;
use serde::{Deserialize, Serialize};
use shared::json::{ModelValue, Scanner};

/// Size of the chunks that Envoy hands over when a body comes fast: 16 KiB.
pub const CHUNK: usize = 16 * 1024;

/// A way to go through a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Contender {
    /// The scanner, given the body in one piece.
    Whole,
    /// The scanner, given the body in chunks as in Envoy.
    Chunked,
    /// `serde_json` into a struct that has `model` alone; it skips the rest.
    Serde,
    /// Looking for a byte that is not there: what only reading the bytes costs.
    Memchr,
}

#[derive(Deserialize)]
struct OnlyModel {
    model: String,
}

impl Contender {
    /// All of them, in the order in which a round takes them.
    pub const ALL: [Self; 4] = [Self::Whole, Self::Chunked, Self::Serde, Self::Memchr];

    /// A short name for benches.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Whole => "scanner",
            Self::Chunked => "scanner in 16 KiB chunks",
            Self::Serde => "serde_json",
            Self::Memchr => "memchr",
        }
    }

    /// Goes through a body that names [`MODEL`]; whether it came to the right end.
    #[must_use]
    pub fn run(self, body: &[u8]) -> bool {
        match self {
            Self::Whole => scan(std::iter::once(body)),
            Self::Chunked => scan(body.chunks(CHUNK)),
            Self::Serde => {
                serde_json::from_slice::<OnlyModel>(body).is_ok_and(|found| found.model == MODEL)
            }
            Self::Memchr => memchr::memchr(0, body).is_none(),
        }
    }
}

fn scan<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut scanner = Scanner::new(shared::models::MAX_MODEL_NAME_BYTES);
    for chunk in chunks {
        if scanner.feed(chunk).is_err() {
            return false;
        }
    }
    let Ok(document) = scanner.finish() else { return false };
    matches!(document.model, Some(ModelValue::Name { name, .. }) if name == MODEL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bodies::{Kind, Place, Size, body};

    #[test]
    fn all_read_every_body_and_the_readers_refuse_half_of_one() {
        for kind in Kind::ALL {
            let body = body(kind, Size(100_000), Place::Last);
            for contender in Contender::ALL {
                assert!(contender.run(&body), "{contender:?} {kind:?}");
                let half = contender.run(&body[..50_000]);
                assert_eq!(half, contender == Contender::Memchr, "{contender:?} {kind:?}");
            }
        }
    }
}
