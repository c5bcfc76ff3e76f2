//! How a request is refused.

use filter_host::StreamHost;
use shared::openai::{ErrorObject, ErrorType};
use shared::picker::PoolSettings;
use shared::scheduling::NoEndpoint;

use super::EXPLAIN_HEADER;
use crate::metrics::Outcome;

/// Seconds after which a request that was shed may come again.
const RETRY_AFTER: &str = "1";

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is sheddable, and the pool is saturated.
    Shed,
    /// No endpoint may be picked.
    NoEndpoint(NoEndpoint),
}

impl Refusal {
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::Shed => Outcome::Shed,
            Self::NoEndpoint(_) => Outcome::NoEndpoint,
        }
    }

    /// Answers in place of the pool.
    pub(super) fn answer(self, host: &impl StreamHost, pool: &PoolSettings) {
        let (status, message, code) = match self {
            Self::Shed => (
                429,
                "The model is overloaded; requests of this priority are refused for now."
                    .to_owned(),
                "overloaded",
            ),
            Self::NoEndpoint(why) => {
                (503, format!("The model cannot be served now: {why}."), "no_endpoint")
            }
        };
        let kind = ErrorType::ServerError;
        let error = ErrorObject { message, kind, param: None, code };
        let explanation = format!("pool={}; why={}", pool.name, self.outcome().label());
        let mut headers = vec![(EXPLAIN_HEADER, explanation.as_str())];
        if self == Self::Shed {
            headers.push(("retry-after", RETRY_AFTER));
        }
        host.respond(status, &headers, &error.to_json());
    }
}
