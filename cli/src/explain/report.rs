//! What is explained, to be printed or written as JSON.

use serde::Serialize;
use std::net::SocketAddr;

/// An explanation.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The model asked for.
    pub model: String,
    /// The method.
    pub method: String,
    /// The host.
    pub host: String,
    /// The path.
    pub path: String,
    /// What each listener does.
    pub listeners: Vec<ListenerReport>,
}

impl Report {
    /// Whether in some case an endpoint gets the request.
    #[must_use]
    pub fn reaches_endpoints(&self) -> bool {
        let cases = self.listeners.iter().flat_map(|listener| &listener.cases);
        cases.into_iter().any(|case| match &case.destination {
            Some(Destination::Pools { pools }) => {
                pools.iter().any(|pool| !pool.endpoints.is_empty())
            }
            Some(Destination::Other { .. }) => true,
            Some(Destination::Answer { .. }) | None => false,
        })
    }
}

/// What a listener does with the request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerReport {
    /// Its name.
    pub listener: String,
    /// Its address.
    pub address: String,
    /// What may happen; more than one if the name stands for several models.
    pub cases: Vec<Case>,
}

/// One of the things that may happen.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Case {
    /// Its share of the requests, 0 to 1; none: it is the only case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// The headers that BBR sets.
    pub headers: Vec<HeaderReport>,
    /// What is to be said about it, in plain words.
    pub says: Vec<String>,
    /// The status, if the gateway's filter answers by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<u16>,
    /// The virtual host whose routes are tried.
    pub virtual_host: Option<String>,
    /// The routes, in the order in which they are tried.
    pub tried: Vec<Tried>,
    /// The route that takes the request.
    pub route: Option<String>,
    /// Where that leads.
    pub destination: Option<Destination>,
}

/// A header that is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeaderReport {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

/// A route that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tried {
    /// Its name.
    pub route: String,
    /// Whether it takes the request.
    pub takes: bool,
    /// Whether it may, as it depends on what cannot be known from outside.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub perhaps: bool,
    /// Why not, or that an earlier one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Destination {
    /// To pools, by weight.
    Pools {
        /// The pools.
        pools: Vec<PoolReport>,
    },
    /// Envoy answers.
    Answer {
        /// With this status.
        status: u64,
    },
    /// Something that is decided otherwise.
    Other {
        /// How.
        how: String,
    },
}

/// A pool and its endpoints.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolReport {
    /// Its cluster.
    pub cluster: String,
    /// Its share of the route's requests, 0 to 1.
    pub share: f64,
    /// The picker's name for it; none: Envoy balances by itself.
    pub pool: Option<String>,
    /// Its endpoints, as Envoy lists them and the picker shows them.
    pub endpoints: Vec<EndpointReport>,
}

/// An endpoint. What the picker does not show is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointReport {
    /// Its address.
    pub endpoint: SocketAddr,
    /// Whether the picker takes it for ready.
    pub ready: Option<bool>,
    /// What keeps requests from it; empty if nothing does.
    pub troubles: Vec<String>,
    /// Requests that wait there.
    pub waiting: Option<u64>,
    /// Requests that run there.
    pub running: Option<u64>,
    /// The KV cache in use, in thousandths.
    pub kv_permille: Option<u64>,
    /// Requests of this gateway under way there.
    pub in_flight: Option<u64>,
    /// Age of its metrics in milliseconds, at most a second ago.
    pub age_milliseconds: Option<u64>,
}
