//! What the guides' pools serve.
//!
//! Invariant: names and number of endpoints come from the Envoy configuration itself;
//! only the models stand here, because Envoy does not know them.

use envoy_runner::Bootstrap;
use serde_yaml_ng::Value;
use simulator::{Config, Server};
use std::net::{Ipv4Addr, SocketAddr};

/// A pool's name, its base model, the other names of that, and its adapters.
pub type Pool = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

/// The guides' pools.
pub const POOLS: [Pool; 5] = [
    ("vllm-llama3-8b-instruct", "meta-llama/Llama-3.1-8B-Instruct", &[], &["food-review-1"]),
    (
        "vllm-deepseek-r1",
        "deepseek/vllm-deepseek-r1",
        &[],
        &["ski-resorts", "movie-critique", "food-review"],
    ),
    ("vllm-phi4-mini-instruct", "microsoft/Phi-4-mini-instruct", &[], &[]),
    ("gemma3", "google/gemma-3-4b-it", &["chatbot"], &["english-bot", "spanish-bot"]),
    ("deepseek-r1", "recommender", &[], &[]),
];

/// Changes the simulators' configuration before they start.
pub(crate) type Change = fn(&mut Config);

/// The pool that a test serves itself.
pub(crate) const SCRIPTED: &str = "scripted";

/// The cluster that leads to Envoy's own admin interface.
const ADMIN: &str = "envoy_admin";

/// Starts a simulator for each endpoint and puts its port into the configuration. One
/// that stands in several clusters is one server, of the first.
pub(crate) async fn start(
    bootstrap: &mut Bootstrap,
    time_scale: f64,
    change: Change,
) -> Vec<Server> {
    let mut servers = Vec::new();
    let mut ports: Vec<(u16, u16)> = Vec::new();
    for (pool, index, port) in endpoints(bootstrap) {
        if pool == SCRIPTED || pool == ADMIN || ports.iter().any(|(known, _)| *known == port) {
            continue;
        }
        let known = POOLS.iter().find(|(name, ..)| *name == pool);
        // A pool of the harness's own serves one model that no test asks for.
        let (_, model, aliases, adapters) = known.copied().unwrap_or(("", "any", &[], &[]));
        let mut config = Config {
            name: format!("{pool}-{index}"),
            model: model.to_owned(),
            served_model_names: [model].iter().chain(aliases).map(|n| (*n).to_owned()).collect(),
            adapters: adapters.iter().map(|name| (*name).into()).collect(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            time_scale,
            ..Config::default()
        };
        change(&mut config);
        let server = Server::start(config).await.expect("a simulator starts");
        ports.push((port, server.addr().port()));
        servers.push(server);
    }
    bootstrap.with_ports(&ports).expect("the ports just read");
    servers
}

/// Puts the ports of simulators that run into the configuration.
pub(crate) fn join(bootstrap: &mut Bootstrap, servers: &[Server]) {
    let ports = endpoints(bootstrap).into_iter().filter_map(|(pool, index, port)| {
        let name = format!("{pool}-{index}");
        let server = servers.iter().find(|server| server.name() == name)?;
        Some((port, server.addr().port()))
    });
    let ports: Vec<_> = ports.collect();
    bootstrap.with_ports(&ports).expect("the ports just read");
}

/// Pool, index in it, and port of every endpoint.
fn endpoints(bootstrap: &Bootstrap) -> Vec<(String, usize, u16)> {
    let list = |value: &Value| value.as_sequence().cloned().unwrap_or_default();
    let mut found = Vec::new();
    for cluster in list(&bootstrap.value()["static_resources"]["clusters"]) {
        let name = cluster["name"].as_str().expect("a cluster has a name");
        let endpoints = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"];
        for (index, endpoint) in list(endpoints).iter().enumerate() {
            let port = &endpoint["endpoint"]["address"]["socket_address"]["port_value"];
            let port = port.as_u64().and_then(|port| u16::try_from(port).ok());
            found.push((name.to_owned(), index, port.expect("an endpoint has a port")));
        }
    }
    found
}
