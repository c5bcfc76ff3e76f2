//! Simulated servers for the pools.
//!
//! Invariant: they serve what the intent says the pool's servers serve, and nothing else:
//! a request that goes to the wrong pool is answered 404.

use super::CommandError;
use crate::intent::{Endpoints, Intent, Pool, ServerKind};
use crate::render::envoy::routed;
use anstream::println;
use envoy_runner::free_ports;
use simulator::{Config, MetricsFlavor, Server};
use std::net::{Ipv4Addr, SocketAddr};

/// If the manifests name no replicas: so many that there is something to pick from.
const REPLICAS: u16 = 2;
/// So many run at most per pool, whatever the manifests say.
const MOST: u16 = 16;

/// Starts servers for every pool that routes lead to, and makes them its endpoints.
pub(super) async fn start(
    intent: &mut Intent,
    time_scale: f64,
) -> Result<Vec<Server>, CommandError> {
    let pools: Vec<Pool> = routed(intent).into_iter().cloned().collect();
    let mut servers = Vec::new();
    for pool in pools {
        let replicas = pool.servers.replicas.unwrap_or(REPLICAS).min(MOST);
        let ports = free_ports(replicas.into());
        let ports = ports.map_err(CommandError::outside("no ports for simulated servers"))?;
        let configs = configs(intent, &pool, &ports, time_scale);
        if let Some(config) = configs.first() {
            let served: Vec<&str> = config.served_names().collect();
            let adapters = config.adapters.iter().map(|one| one.name.as_str());
            let names: Vec<&str> = served.into_iter().chain(adapters).collect();
            let s = if ports.len() == 1 { "" } else { "s" };
            println!(
                "{} simulated server{s} of pool {}: {}",
                ports.len(),
                pool.id,
                names.join(", ")
            );
        }
        let mut addresses = Vec::new();
        for config in configs {
            let server = Server::start(config).await;
            let server =
                server.map_err(CommandError::outside("cannot start a simulated server"))?;
            addresses.push(server.addr());
            servers.push(server);
        }
        if let Some(own) = intent.pools.iter_mut().find(|own| own.name == pool.name) {
            own.endpoints = Endpoints::Addresses(addresses);
        }
    }
    Ok(servers)
}

fn configs(intent: &Intent, pool: &Pool, ports: &[u16], time_scale: f64) -> Vec<Config> {
    let own = &pool.servers;
    let of_adapter = || own.adapters.iter().find_map(|name| intent.catalog.base_of(name));
    let model = own.bases.first().map(String::as_str).or_else(of_adapter).unwrap_or(&pool.id);
    let config = |(index, port): (usize, &u16)| Config {
        name: format!("{}-{index}", pool.id),
        model: model.to_owned(),
        served_model_names: own.bases.clone(),
        adapters: own.adapters.iter().map(|name| name.as_str().into()).collect(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, *port)),
        metrics: match own.kind {
            ServerKind::Auto | ServerKind::Vllm => MetricsFlavor::Vllm,
            ServerKind::Sglang => MetricsFlavor::Sglang,
            ServerKind::Trtllm => MetricsFlavor::Trtllm,
            ServerKind::Triton => MetricsFlavor::Triton,
        },
        seed: u64::from(*port),
        time_scale,
        ..Config::default()
    };
    ports.iter().enumerate().map(config).collect()
}
