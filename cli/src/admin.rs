//! A running gateway, as the admin interface of its Envoy shows it.
//!
//! Invariant: everything is read and nothing is changed; only `GET`s are sent, each with a
//! time limit. Rejected: asking the filters themselves; they have no port of their own, and
//! what matters about them shows in Envoy's configuration and statistics.

mod clusters;
mod stats;

use crate::proxy::{self, Dump};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::str::FromStr;
use std::time::Duration;

pub use clusters::{ClusterHosts, Host, Hosts};
pub use stats::{EndpointGauges, Stats};

/// Envoy answers from memory; longer than this it is stuck.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A configuration dump of a large mesh is larger than the client's own limit.
const LARGEST: u64 = 256 << 20;

/// The address of an admin interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminUrl(String);

/// Not the URL of an admin interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected http://HOST:PORT or HOST:PORT; Envoy's admin interface speaks no TLS")]
pub struct NotAdminUrl;

impl FromStr for AdminUrl {
    type Err = NotAdminUrl;

    fn from_str(text: &str) -> Result<Self, NotAdminUrl> {
        let bare = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        let plain = |c: char| {
            c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']' | '%')
        };
        let port = bare.rsplit_once(':').and_then(|(host, port)| {
            (!host.is_empty()).then(|| port.parse::<u16>().ok()).flatten()
        });
        if text.contains("://") && !text.starts_with("http://")
            || !bare.chars().all(plain)
            || port.is_none_or(|port| port == 0)
        {
            return Err(NotAdminUrl);
        }
        Ok(Self(format!("http://{bare}")))
    }
}

/// Why an admin interface could not be read.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No answer.
    #[error("no answer from {url}: is Envoy running, and is this its admin interface?")]
    NoAnswer {
        /// What was asked.
        url: String,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// A status other than 200.
    #[error("{url} answered {status}, which Envoy's admin interface does not")]
    Status {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
    },
    /// Not what Envoy answers.
    #[error("{url} is not what Envoy's admin interface gives")]
    NotEnvoy {
        /// What was asked.
        url: String,
        /// Why it cannot be read.
        source: serde_json::Error,
    },
}

/// What a running Envoy is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// Its version, such as `1.40.0`; empty if it does not say.
    pub version: String,
    /// Its state, such as `LIVE`.
    pub state: String,
    /// Its worker threads.
    pub workers: u64,
}

/// A connection to an admin interface.
#[derive(Debug)]
pub struct Admin {
    url: AdminUrl,
    agent: ureq::Agent,
}

impl Admin {
    /// Of the Envoy at `url`. Nothing is asked yet.
    #[must_use]
    pub fn new(url: &AdminUrl) -> Self {
        let config = ureq::Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .build();
        Self { url: url.clone(), agent: config.into() }
    }

    /// What Envoy is.
    ///
    /// # Errors
    /// No Envoy answers.
    pub fn server(&self) -> Result<Server, AdminError> {
        let info: Value = self.json("/server_info")?;
        let version = proxy::text(&info, "/version").unwrap_or_default();
        let number = version.split('/').nth(1).unwrap_or_default();
        let workers = proxy::number(&info, "/command_line_options/concurrency");
        Ok(Server {
            version: number.trim_end_matches("-dev").to_owned(),
            state: proxy::text(&info, "/state").unwrap_or_default().to_owned(),
            workers: workers.unwrap_or(0),
        })
    }

    /// The configuration in force.
    ///
    /// # Errors
    /// No Envoy answers.
    pub fn configuration(&self) -> Result<Dump, AdminError> {
        Ok(proxy::from_dump(&self.json("/config_dump")?))
    }

    /// The hosts of all clusters.
    ///
    /// # Errors
    /// No Envoy answers.
    pub fn hosts(&self) -> Result<Hosts, AdminError> {
        self.json("/clusters?format=json").map(|answer: clusters::Answer| answer.into())
    }

    /// The statistics of the filters and their VMs.
    ///
    /// # Errors
    /// No Envoy answers.
    pub fn stats(&self) -> Result<Stats, AdminError> {
        self.get("/stats?filter=wasm").map(|text| Stats::read(&text))
    }

    fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, AdminError> {
        let text = self.get(path)?;
        serde_json::from_str(&text)
            .map_err(|source| AdminError::NotEnvoy { url: self.at(path), source })
    }

    fn get(&self, path: &str) -> Result<String, AdminError> {
        let url = self.at(path);
        let answer = self.agent.get(&url).call().and_then(|mut answer| {
            let status = answer.status().as_u16();
            let body = answer.body_mut().with_config().limit(LARGEST).lossy_utf8(true);
            Ok((status, body.read_to_string()?))
        });
        match answer {
            Ok((200, body)) => Ok(body),
            Ok((status, _)) => Err(AdminError::Status { url, status }),
            Err(source) => Err(AdminError::NoAnswer { url, source: Box::new(source) }),
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_interface_is_a_host_and_a_port() {
        let url = |text: &str| text.parse::<AdminUrl>().map(|url| url.0);
        assert_eq!(url("http://127.0.0.1:9901/").as_deref(), Ok("http://127.0.0.1:9901"));
        assert_eq!(url("localhost:15000").as_deref(), Ok("http://localhost:15000"));
        assert_eq!(url("[::1]:9901").as_deref(), Ok("http://[::1]:9901"));
        for wrong in ["", "localhost", "https://a:1", "a:b", "a:0", ":1", "http://a:1/x", "a b:1"] {
            assert_eq!(url(wrong), Err(NotAdminUrl), "{wrong}");
        }
    }
}
