//! The endpoints of a cluster, as Envoy's admin interface lists them.

use serde::Deserialize;

use crate::pools::EndpointId;

/// An endpoint and whether Envoy would send it requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discovered {
    /// Which.
    pub id: EndpointId,
    /// No health check, outlier detection or discovery service says otherwise.
    pub healthy: bool,
}

#[derive(Deserialize)]
struct Clusters {
    #[serde(default)]
    cluster_statuses: Vec<Cluster>,
}

#[derive(Deserialize)]
struct Cluster {
    #[serde(default)]
    name: String,
    #[serde(default)]
    host_statuses: Vec<Host>,
}

#[derive(Deserialize)]
struct Host {
    address: Address,
    #[serde(default)]
    health_status: HealthStatus,
}

#[derive(Deserialize)]
struct Address {
    socket_address: Option<SocketAddress>,
}

#[derive(Deserialize)]
struct SocketAddress {
    address: String,
    #[serde(default)]
    port_value: u16,
}

/// Absent fields are false or healthy.
#[derive(Deserialize, Default)]
#[serde(default)]
struct HealthStatus {
    failed_active_health_check: bool,
    failed_outlier_check: bool,
    pending_dynamic_removal: bool,
    pending_active_hc: bool,
    excluded_via_immediate_hc_fail: bool,
    active_hc_timeout: bool,
    eds_health_status: Option<String>,
}

impl HealthStatus {
    fn is_healthy(&self) -> bool {
        // Degraded hosts are usable; a pending first check is not yet.
        let failed = self.failed_active_health_check
            || self.failed_outlier_check
            || self.pending_dynamic_removal
            || self.pending_active_hc
            || self.excluded_via_immediate_hc_fail
            || self.active_hc_timeout;
        let discovery = self.eds_health_status.as_deref();
        !failed && !matches!(discovery, Some("UNHEALTHY" | "DRAINING" | "TIMEOUT"))
    }
}

/// Reads the answer of `/clusters?format=json` for one cluster.
///
/// # Errors
/// The answer is not what the admin interface gives, or has no such cluster.
pub fn discover(json: &[u8], cluster: &str) -> Result<Vec<Discovered>, NotDiscovered> {
    let clusters: Clusters =
        serde_json::from_slice(json).map_err(|_| NotDiscovered::NotClusters)?;
    let found = clusters.cluster_statuses.into_iter().find(|found| found.name == cluster);
    let hosts = found.ok_or(NotDiscovered::NoSuchCluster)?.host_statuses;
    // Pipes and internal addresses cannot be named to `override_host`.
    Ok(hosts
        .into_iter()
        .filter_map(|host| {
            let SocketAddress { address, port_value } = host.address.socket_address?;
            let ip: std::net::IpAddr = address.parse().ok()?;
            let id = EndpointId::from(std::net::SocketAddr::new(ip, port_value));
            Some(Discovered { id, healthy: host.health_status.is_healthy() })
        })
        .collect())
}

/// Why an answer gave no endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotDiscovered {
    /// It is not what the admin interface gives.
    #[error("the admin interface's answer is not a list of clusters")]
    NotClusters,
    /// There is no such cluster.
    #[error("the admin interface lists no such cluster")]
    NoSuchCluster,
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn host(address: &str, port: u16, health: &str) -> String {
        format!(
            r#"{{"address":{{"socket_address":{{"address":"{address}","port_value":{port}}}}},
                "stats":[{{"name":"cx_active","type":"GAUGE"}}],"health_status":{{{health}}},"weight":1}}"#
        )
    }

    fn answer(hosts: &[String]) -> String {
        format!(
            r#"{{"cluster_statuses":[{{"name":"other","host_statuses":[]}},
                {{"name":"pool","added_via_api":true,"host_statuses":[{}]}}]}}"#,
            hosts.join(",")
        )
    }

    #[test]
    fn hosts_come_with_their_health() {
        let json = answer(&[
            host("10.0.0.1", 8000, r#""eds_health_status":"HEALTHY""#),
            host("::1", 8001, ""),
            host("10.0.0.2", 8000, r#""eds_health_status":"UNHEALTHY""#),
            host("10.0.0.3", 8000, r#""failed_outlier_check":true,"eds_health_status":"HEALTHY""#),
            host("10.0.0.4", 8000, r#""failed_active_health_check":true"#),
            host("10.0.0.5", 8000, r#""eds_health_status":"DRAINING""#),
            r#"{"address":{"pipe":{"path":"/x"}}}"#.to_owned(),
        ]);
        let found = discover(json.as_bytes(), "pool").expect("the cluster is there");
        let found: Vec<_> = found.iter().map(|d| (d.id.to_string(), d.healthy)).collect();
        let expected = [
            ("10.0.0.1:8000", true),
            ("[::1]:8001", true),
            ("10.0.0.2:8000", false),
            ("10.0.0.3:8000", false),
            ("10.0.0.4:8000", false),
            ("10.0.0.5:8000", false),
        ];
        assert_eq!(found, expected.map(|(id, healthy)| (id.to_owned(), healthy)));
    }

    #[test]
    fn an_answer_without_the_cluster_is_no_empty_cluster() {
        assert_eq!(discover(answer(&[]).as_bytes(), "pool"), Ok(vec![]));
        assert_eq!(discover(answer(&[]).as_bytes(), "gone"), Err(NotDiscovered::NoSuchCluster));
        assert_eq!(discover(b"{}", "pool"), Err(NotDiscovered::NoSuchCluster));
        assert_eq!(discover(b"<html>", "pool"), Err(NotDiscovered::NotClusters));
    }
}
