//! Sends a request to the gateway and notes what the answer says about its way.
//!
//! Invariant: whatever happens is a row for the table, never an early end.

use super::requests::Request;
use crate::http;
use anyhow::Result;
use std::time::Duration;
use ureq::Agent;
use ureq::http::{HeaderMap, Response};

/// Simulated servers answer at once in this mode; longer than this is a hang.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// `X-Gateway-Model-Name` as the model server saw it.
    pub(super) model: Option<String>,
    /// `X-Gateway-Base-Model-Name` as the model server saw it.
    pub(super) base: Option<String>,
    /// The pool Envoy chose.
    pub(super) pool: Option<String>,
    /// The model server that answered.
    pub(super) endpoint: Option<String>,
    /// The status, or why there is none.
    pub(super) status: Result<u16, String>,
}

impl Seen {
    /// No answer, and why.
    pub(super) fn nothing(reason: String) -> Self {
        Self { model: None, base: None, pool: None, endpoint: None, status: Err(reason) }
    }
}

pub(super) struct Client {
    agent: Agent,
    port: u16,
}

impl Client {
    pub(super) fn new(port: u16) -> Self {
        Self { agent: http::agent(TIMEOUT), port }
    }

    pub(super) fn send(&self, request: &Request) -> Seen {
        self.try_send(request).unwrap_or_else(|error| Seen::nothing(error.to_string()))
    }

    fn try_send(&self, request: &Request) -> Result<Seen> {
        let url = format!("http://127.0.0.1:{}{}", self.port, request.path());
        let post = self.agent.post(&url).header("content-type", "application/json");
        seen(post.send(request.body()?)?)
    }
}

fn seen(mut answer: Response<ureq::Body>) -> Result<Seen> {
    // Read to its end: a cut answer is not an answer.
    answer.body_mut().read_to_vec()?;
    let text = |name: &str| text(answer.headers(), name);
    Ok(Seen {
        model: text("x-sim-model-header"),
        base: text("x-sim-base-model-header"),
        pool: text("x-gateway-pool"),
        endpoint: text("x-inference-pod"),
        status: Ok(answer.status().as_u16()),
    })
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
