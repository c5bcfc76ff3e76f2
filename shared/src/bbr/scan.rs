//! A scanner, with or without a digest that looks on.
//!
//! Two kinds of scanner rather than one that asks at each value: without a digest it is
//! the very code that it would be if there were none.

use crate::json::{Document, ModelValue, ScanError, Scanner};
use crate::models::MAX_MODEL_NAME_BYTES;
use crate::prompt::{DigestSettings, PromptDigest};

/// A scanner of one body.
#[derive(Debug)]
pub struct Scan(Kind);

#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a box would cost those an allocation who digest nothing"
)]
enum Kind {
    Plain(Scanner),
    Digesting(Box<Scanner<PromptDigest>>),
}

/// Calls a method of either kind.
macro_rules! either {
    ($scan:expr, $scanner:ident => $call:expr) => {
        match $scan {
            Kind::Plain($scanner) => $call,
            Kind::Digesting($scanner) => $call,
        }
    };
}

impl Scan {
    pub(super) fn new(digest: Option<DigestSettings>) -> Self {
        Self(match digest {
            None => Kind::Plain(Scanner::new(MAX_MODEL_NAME_BYTES)),
            Some(settings) => {
                let digest = PromptDigest::new(settings);
                Kind::Digesting(Box::new(Scanner::observed(MAX_MODEL_NAME_BYTES, digest)))
            }
        })
    }

    pub(super) fn feed(&mut self, chunk: &[u8]) -> Result<(), ScanError> {
        either!(&mut self.0, scanner => scanner.feed(chunk))
    }

    pub(super) fn model(&self) -> Option<&ModelValue> {
        either!(&self.0, scanner => scanner.model())
    }

    pub(super) fn duplicate_at(&self) -> Option<u64> {
        either!(&self.0, scanner => scanner.duplicate_at())
    }

    pub(super) fn consumed(&self) -> u64 {
        either!(&self.0, scanner => scanner.consumed())
    }

    pub(super) fn finish(self) -> Result<(Document, Option<PromptDigest>), ScanError> {
        match self.0 {
            Kind::Plain(scanner) => scanner.finish().map(|document| (document, None)),
            Kind::Digesting(scanner) => {
                scanner.finish_observed().map(|(document, digest)| (document, Some(digest)))
            }
        }
    }
}
