//! Envoy's admin interface.
//!
//! Invariant: every request has a time limit and goes straight to the address, never
//! through a proxy named in the environment.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use ureq::Agent;

/// Envoy answers from memory; longer than this it is stuck.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The admin interface did not answer as it should.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No answer.
    #[error("no answer from Envoy's admin interface at {url}")]
    NoAnswer {
        /// What was asked.
        url: String,
        /// Why there is no answer.
        source: ureq::Error,
    },
    /// A status other than 200.
    #[error("{url} answered {status}: {body}")]
    Status {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
        /// The body.
        body: String,
    },
}

#[derive(Debug)]
pub(super) struct Admin {
    address: SocketAddr,
    agent: Agent,
}

impl Admin {
    pub(super) fn new(address: SocketAddr) -> Self {
        let config = Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .build();
        Self { address, agent: config.into() }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn get(&self, path: &str) -> Result<String, AdminError> {
        let url = self.url(path);
        let answer = self.agent.get(&url).call();
        read(url, answer)
    }

    pub(super) fn post(&self, path: &str) -> Result<String, AdminError> {
        let url = self.url(path);
        let answer = self.agent.post(&url).send_empty();
        read(url, answer)
    }

    /// Whether the Envoy that was started on the file `config` is live.
    pub(super) fn is_ready(&self, config: &Path) -> bool {
        if self.get("/ready").is_err() {
            return false;
        }
        // Another Envoy may hold the port; ours is then about to give up.
        let info = self.get("/server_info").unwrap_or_default();
        let info: serde_json::Value = serde_json::from_str(&info).unwrap_or_default();
        let path = info.pointer("/command_line_options/config_path");
        path.and_then(|path| path.as_str()).is_some_and(|path| Path::new(path) == config)
    }

    fn url(&self, path: &str) -> String {
        let slash = if path.starts_with('/') { "" } else { "/" };
        format!("http://{}{slash}{path}", self.address)
    }
}

fn read(
    url: String,
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<String, AdminError> {
    // A configuration dump of a large set-up is larger than the client's own limit.
    let body = answer.and_then(|mut answer| {
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(256 << 20).lossy_utf8(true);
        Ok((status, body.read_to_string()?))
    });
    match body {
        Ok((200, body)) => Ok(body),
        Ok((status, body)) => Err(AdminError::Status { url, status, body }),
        Err(source) => Err(AdminError::NoAnswer { url, source }),
    }
}
