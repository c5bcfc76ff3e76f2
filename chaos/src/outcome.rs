//! What became of one request, as its client saw it.

use gateway_tests::{Answer, Version};
use std::net::SocketAddr;
use std::time::Instant;

/// What an answer's headers say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub status: u16,
    /// The model server that answered; none for the gateway's own answers.
    pub pod: Option<String>,
    /// Why the picker chose as it did; none if it did not see the request.
    pub why: Option<String>,
    /// The endpoints that the picker named, best first.
    pub candidates: Vec<SocketAddr>,
}

impl Told {
    /// Of an answer, whose body need not be there.
    pub fn by(answer: &Answer) -> Self {
        let named = answer.picker("candidates").unwrap_or_default().split(',');
        Self {
            status: answer.status,
            pod: answer.pod().map(str::to_owned),
            why: answer.picker("why").map(str::to_owned),
            candidates: named.filter_map(|address| address.parse().ok()).collect(),
        }
    }
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A whole answer.
    Answered(Told),
    /// The connection or stream broke: before the answer, or within it.
    Broken(Option<Told>),
    /// The client was told to leave before the end.
    GivenUp,
}

/// A request that is over.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// No other request of the run has it.
    pub number: u64,
    pub pool: &'static str,
    /// For the words of a failure.
    #[expect(dead_code, reason = "read by `Debug`")]
    pub version: Version,
    pub streamed: bool,
    /// SHA-256 of its body.
    pub sha256: String,
    pub began: Instant,
    pub ended: Instant,
    pub outcome: Outcome,
}

impl Sent {
    /// What was answered, as far as anything was.
    pub fn told(&self) -> Option<&Told> {
        match &self.outcome {
            Outcome::Answered(told) | Outcome::Broken(Some(told)) => Some(told),
            Outcome::Broken(None) | Outcome::GivenUp => None,
        }
    }

    /// Whether it is what a client wants.
    pub fn is_good(&self) -> bool {
        matches!(&self.outcome, Outcome::Answered(told) if told.status == 200)
    }
}
