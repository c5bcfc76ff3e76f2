//! The guides' InferencePools and what their model servers serve.
//!
//! Invariant: the pools' clusters of `envoy-config/guides.yaml`, in their order and with their
//! number of endpoints (a test compares them).

use simulator::Config;
use std::net::{Ipv4Addr, SocketAddr};

/// A pool of equal model servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pool {
    /// The InferencePool's name, and the cluster's.
    pub(crate) name: &'static str,
    /// How many servers.
    pub(crate) endpoints: u16,
    /// The base model.
    model: &'static str,
    /// Names the base model answers to; empty: its own.
    aliases: &'static [&'static str],
    adapters: &'static [&'static str],
}

/// All of them, in the order of their ports.
pub(crate) const POOLS: [Pool; 5] = [
    Pool {
        name: "vllm-llama3-8b-instruct",
        endpoints: 3,
        model: "meta-llama/Llama-3.1-8B-Instruct",
        aliases: &[],
        adapters: &["food-review-1"],
    },
    Pool {
        name: "vllm-deepseek-r1",
        endpoints: 2,
        model: "deepseek/vllm-deepseek-r1",
        aliases: &[],
        // Guide 002's HTTPRoute sends `food-review` here.
        adapters: &["ski-resorts", "movie-critique", "food-review"],
    },
    Pool {
        name: "vllm-phi4-mini-instruct",
        endpoints: 2,
        model: "microsoft/Phi-4-mini-instruct",
        aliases: &[],
        adapters: &[],
    },
    Pool {
        name: "gemma3",
        endpoints: 2,
        model: "google/gemma-3-4b-it",
        aliases: &["google/gemma-3-4b-it", "chatbot"],
        adapters: &["english-bot", "spanish-bot"],
    },
    Pool {
        name: "deepseek-r1",
        endpoints: 1,
        model: "deepseek-ai/DeepSeek-R1",
        aliases: &["recommender"],
        adapters: &[],
    },
];

/// How many model servers there are.
pub(super) fn servers() -> u16 {
    POOLS.iter().map(|pool| pool.endpoints).sum()
}

/// One configuration per model server, on consecutive ports.
pub(crate) fn configs(first_port: u16, time_scale: f64) -> Vec<Config> {
    let names = POOLS.iter().flat_map(|pool| (0..pool.endpoints).map(move |i| (pool, i)));
    let ports = first_port..=u16::MAX;
    let config = |((pool, i), port): ((&Pool, u16), u16)| Config {
        name: format!("{}-{i}", pool.name),
        model: pool.model.to_owned(),
        served_model_names: pool.aliases.iter().map(|name| (*name).to_owned()).collect(),
        adapters: pool.adapters.iter().map(|name| (*name).into()).collect(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        seed: u64::from(port),
        time_scale,
        ..Config::default()
    };
    names.zip(ports).map(config).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project;
    use envoy_runner::Bootstrap;

    #[test]
    fn the_pools_are_the_clusters_of_the_envoy_configuration() {
        let bootstrap = Bootstrap::load(project::root().join("envoy-config/guides.yaml")).unwrap();
        let clusters = bootstrap.value()["static_resources"]["clusters"].as_sequence().unwrap();
        let mut port = u64::from(super::super::ports::SIMULATORS);
        // The picker's own two reach no pool.
        let own = ["igw_scrape", "envoy_admin"].map(Some);
        let clusters = clusters.iter().filter(|c| !own.contains(&c["name"].as_str()));
        let clusters: Vec<_> = clusters.collect();
        assert_eq!(clusters.len(), POOLS.len());
        for (cluster, pool) in clusters.into_iter().zip(POOLS) {
            assert_eq!(cluster["name"].as_str(), Some(pool.name));
            let endpoints = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"];
            let endpoints = endpoints.as_sequence().unwrap();
            assert_eq!(endpoints.len(), usize::from(pool.endpoints), "{}", pool.name);
            for endpoint in endpoints {
                let address = &endpoint["endpoint"]["address"]["socket_address"];
                assert_eq!(address["port_value"].as_u64(), Some(port), "{}", pool.name);
                port += 1;
            }
        }
    }
}
