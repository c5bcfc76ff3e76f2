//! `/clusters?format=json`: the hosts of each cluster and whether Envoy would use them.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// All clusters' hosts, by cluster.
pub type Hosts = BTreeMap<String, ClusterHosts>;

/// A cluster's hosts.
pub type ClusterHosts = BTreeMap<SocketAddr, Host>;

/// A host, as Envoy sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Why Envoy holds it for unhealthy; empty if it does not.
    pub troubles: Vec<String>,
    /// Requests under way.
    pub active: u64,
}

#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    cluster_statuses: Vec<Cluster>,
}

#[derive(Deserialize)]
struct Cluster {
    name: String,
    #[serde(default)]
    host_statuses: Vec<Status>,
}

#[derive(Deserialize)]
struct Status {
    address: Address,
    #[serde(default)]
    health_status: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    stats: Vec<Stat>,
}

#[derive(Deserialize)]
struct Address {
    socket_address: Option<Socket>,
}

#[derive(Deserialize)]
struct Socket {
    address: String,
    #[serde(default)]
    port_value: u16,
}

#[derive(Deserialize)]
struct Stat {
    name: String,
    #[serde(default)]
    value: serde_json::Value,
}

impl From<Answer> for Hosts {
    fn from(answer: Answer) -> Self {
        let hosts = |cluster: Cluster| {
            let hosts = cluster.host_statuses.into_iter().filter_map(|status| {
                let socket = status.address.socket_address.as_ref()?;
                let ip: IpAddr = socket.address.parse().ok()?;
                Some((SocketAddr::new(ip, socket.port_value), status.into()))
            });
            (cluster.name, hosts.collect())
        };
        answer.cluster_statuses.into_iter().map(hosts).collect()
    }
}

impl From<Status> for Host {
    fn from(status: Status) -> Self {
        // Every flag is a trouble; the discovery service's word may be a good one.
        let trouble = |(name, value): (&String, &serde_json::Value)| match value {
            serde_json::Value::Bool(true) => Some(name.clone()),
            serde_json::Value::String(word)
                if !matches!(word.as_str(), "HEALTHY" | "UNKNOWN" | "DEGRADED") =>
            {
                Some(format!("{name} {word}"))
            }
            _ => None,
        };
        let active = status.stats.iter().find(|stat| stat.name == "rq_active");
        let number =
            |value: &serde_json::Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
        Self {
            troubles: status.health_status.iter().filter_map(trouble).collect(),
            active: active.and_then(|stat| number(&stat.value)).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_addresses_and_troubles() {
        let json = r#"{"cluster_statuses": [{"name": "a", "host_statuses": [
            {"address": {"socket_address": {"address": "::1", "port_value": 1}},
             "health_status": {"eds_health_status": "HEALTHY"},
             "stats": [{"name": "rq_active", "value": "3", "type": "GAUGE"}]},
            {"address": {"socket_address": {"address": "10.0.0.1", "port_value": 2}},
             "health_status": {"eds_health_status": "DRAINING", "failed_active_health_check": true}},
            {"address": {"pipe": {"path": "/x"}}}]}]}"#;
        let hosts: Hosts = serde_json::from_str::<Answer>(json).unwrap().into();
        let hosts: Vec<_> = hosts["a"].iter().collect();
        assert_eq!(hosts.len(), 2);
        assert_eq!(
            hosts[0].1.troubles,
            ["eds_health_status DRAINING", "failed_active_health_check"]
        );
        assert_eq!((hosts[1].0.to_string().as_str(), hosts[1].1.active), ("[::1]:1", 3));
        assert!(hosts[1].1.troubles.is_empty());
    }
}
