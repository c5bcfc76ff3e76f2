//! The pools' model servers, each on a pod's address.
//!
//! Invariant: the port is the one that the InferencePools name, so that what Istio makes of
//! pool and endpoints is what is used. Written here is what a kubelet and Kubernetes'
//! controllers would write: the EndpointSlices of the Services that Istio made of the pools.

use super::cluster::Cluster;
use crate::daemon::eventually;
use crate::demo::pools::{POOLS, configs};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use simulator::{Config, Server};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::runtime::Runtime;

/// `targetPorts` of the guides' InferencePools.
const PORT: u16 = 8000;
/// A network that clusters often give their pods; the gateway's pod has its first address.
pub(super) const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 1);

/// A pod with its pool.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    pub(super) pool: &'static str,
    pub(super) address: SocketAddr,
    config: Config,
}

/// All of them.
pub(super) fn all() -> Vec<Pod> {
    let pools = POOLS.iter().flat_map(|pool| (0..pool.endpoints).map(move |_| pool.name));
    let addresses = (11..).map(|host| SocketAddr::from((Ipv4Addr::new(10, 244, 0, host), PORT)));
    // The ports are another's; answers come at once.
    let pods = pools.zip(addresses).zip(configs(PORT, 0.0));
    pods.map(|((pool, address), config)| Pod {
        pool,
        address,
        config: Config { listen: address, ..config },
    })
    .collect()
}

/// The addresses that must exist.
pub(super) fn addresses(pods: &[Pod]) -> Vec<Ipv4Addr> {
    let pods = pods.iter().filter_map(|pod| match pod.address {
        SocketAddr::V4(address) => Some(*address.ip()),
        SocketAddr::V6(_) => None,
    });
    pods.chain([GATEWAY]).collect()
}

/// Starts the model servers.
pub(super) fn start(pods: &[Pod], runtime: &Runtime) -> Result<Vec<Server>> {
    println!("starting {} model servers (simulated)", pods.len());
    let start = |pod: &Pod| {
        let server = runtime.block_on(Server::start(pod.config.clone()));
        server.with_context(|| format!("cannot start a model server on {}", pod.address))
    };
    pods.iter().map(start).collect()
}

/// Waits for Istio's Service of each pool, and says which endpoints it has.
pub(super) fn announce(cluster: &Cluster, pods: &[Pod]) -> Result<()> {
    for pool in POOLS {
        let label = format!("istio.io/inferencepool-name={}", pool.name);
        let service = eventually("Istio makes no Service of an InferencePool", || {
            let found = cluster.get(&["services", "-l", &label])?;
            Ok(found.pointer("/items/0/metadata/name").and_then(Value::as_str).map(str::to_owned))
        })?;
        let pods = pods.iter().filter(|pod| pod.pool == pool.name);
        cluster.apply_text(&slice(&service, pods).to_string())?;
    }
    Ok(())
}

fn slice<'a>(service: &str, pods: impl Iterator<Item = &'a Pod>) -> Value {
    let endpoint =
        |pod: &Pod| json!({"addresses": [pod.address.ip()], "conditions": {"ready": true}});
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": service,
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        // Istio's name of a pool's first port.
        "ports": [{"name": "http-0", "port": PORT, "protocol": "TCP"}],
        "endpoints": pods.map(endpoint).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pool_has_its_servers_on_addresses_of_their_own() {
        let pods = all();
        let wanted: usize = POOLS.iter().map(|pool| usize::from(pool.endpoints)).sum();
        assert_eq!(pods.len(), wanted);
        let mut seen = addresses(&pods);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), pods.len() + 1);
        for pod in &pods {
            assert!(pod.config.name.starts_with(pod.pool), "{pod:?}");
        }
    }
}
