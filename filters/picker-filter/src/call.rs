//! Calls that are under way, and what each was for.

use std::collections::BTreeMap;

use filter_host::CallId;
use shared::pools::{EndpointId, Millis};

/// What a call asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// An endpoint's metrics.
    Metrics { pool: usize, endpoint: EndpointId },
    /// An endpoint's models, for its adapters.
    Models,
    /// A cluster's endpoints.
    Endpoints { pool: usize },
}

/// A call and when it was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) question: Question,
    pub(crate) asked: Millis,
}

/// The calls under way.
#[derive(Debug, Default)]
pub(crate) struct Calls(BTreeMap<CallId, Call>);

/// Bounds what is remembered if a host never answers.
const MOST: usize = 4_096;

impl Calls {
    pub(crate) fn note(&mut self, id: CallId, question: Question, asked: Millis) {
        while self.0.len() >= MOST {
            self.0.pop_first();
        }
        self.0.insert(id, Call { question, asked });
    }

    /// What the call was for; once.
    pub(crate) fn take(&mut self, id: CallId) -> Option<Call> {
        self.0.remove(&id)
    }
}
