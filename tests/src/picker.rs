//! What tests of the picker need: its configuration, load on single model servers, its
//! metrics and what it says of its choices.
//!
//! Invariant: load is requests that last until they are given up, so that nothing depends
//! on how long anything takes.

use crate::answer::Answer;
use crate::call::Call;
use crate::client::{Client, Version};
use crate::gateway::Gateway;
use crate::setup::Setup;
use crate::shared::eventually;
use serde_json::{Value as Json, json};
use serde_yaml_ng::Value;
use simulator::{Config, Server, Timings};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Makes a simulator give the first token soon and the second never.
pub fn endless(config: &mut Config) {
    config.time_scale = 1.0;
    config.timings =
        Timings { decode_base: Duration::from_secs(3600), jitter: 0.0, ..Timings::default() };
}

/// Requests that occupy a model server; given up when dropped.
#[derive(Debug)]
pub struct Load(Vec<JoinHandle<()>>);

impl Load {
    /// Sends `count` requests for `model` straight to a server that is [`endless`], and
    /// waits until its metrics show them.
    ///
    /// # Panics
    /// The server does not take them.
    pub async fn on(server: &Server, model: &str, count: usize) -> Self {
        let there = |server: &Server| server.load().running + server.load().waiting;
        let before = there(server);
        let tasks = (0..count).map(|_| {
            let (address, call) = (server.addr(), Self::call(model));
            tokio::spawn(async move {
                let mut client = Client::connect(address, Version::H1).await;
                let answer = client.send(call).await;
                panic!("a request that should never end did: {answer:?}");
            })
        });
        let load = Self(tasks.collect());
        let what = format!("load of {count} on {}", server.name());
        eventually(&what, || (there(server) == before + count).then_some(())).await;
        load
    }

    /// A request that an [`endless`] server begins to answer and never ends.
    #[must_use]
    pub fn call(model: &str) -> Call {
        let body = json!({
            "model": model, "prompt": "x", "max_tokens": 2, "ignore_eos": true, "stream": true
        });
        Call::json("/v1/completions", body.to_string())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Setup {
    /// Changes fields of the picker's configuration.
    #[must_use]
    pub fn picker(self, changes: Json) -> Self {
        self.picker_with(|config| merge(config, changes))
    }

    /// Changes fields of one pool in the picker's configuration.
    ///
    /// # Panics
    /// There is no such pool.
    #[must_use]
    pub fn picker_pool(self, name: &str, changes: Json) -> Self {
        self.picker_with(|config| {
            let pools = config["pools"].as_array_mut().expect("pools");
            let pool = pools.iter_mut().find(|pool| pool["name"] == name);
            merge(pool.expect("the pool is there"), changes);
        })
    }

    /// Adds a pool to the picker's configuration.
    #[must_use]
    pub fn picker_pool_added(self, pool: Json) -> Self {
        self.picker_with(|config| config["pools"].as_array_mut().expect("pools").push(pool))
    }

    /// Only these pools stay in the picker's configuration.
    #[must_use]
    pub fn picker_only(self, names: &[&str]) -> Self {
        self.picker_with(|config| {
            let pools = config["pools"].as_array_mut().expect("pools");
            pools.retain(|pool| names.iter().any(|name| pool["name"] == *name));
        })
    }

    fn picker_with(mut self, change: impl FnOnce(&mut Json)) -> Self {
        let mut config = self.bootstrap.plugin_configuration("picker").expect("the picker");
        change(&mut config);
        self.bootstrap.with_plugin_configuration("picker", &config).expect("the picker");
        self
    }

    /// Any change to a cluster.
    ///
    /// # Panics
    /// There is no such cluster.
    #[must_use]
    pub fn cluster(self, name: &str, change: impl FnOnce(&mut Value)) -> Self {
        self.edit(|value| {
            let clusters = value["static_resources"]["clusters"].as_sequence_mut();
            let mut clusters = clusters.expect("clusters").iter_mut();
            let cluster = clusters.find(|cluster| cluster["name"] == name);
            change(cluster.expect("the cluster is there"));
        })
    }

    /// A cluster's endpoints, by ports of the guides' configuration or others; each gets a
    /// simulator, and the same port is the same simulator.
    #[must_use]
    pub fn endpoints(self, cluster: &str, ports: impl IntoIterator<Item = u16>) -> Self {
        let endpoints = ports.into_iter().map(|port| {
            let address = json!({"address": "127.0.0.1", "port_value": port});
            json!({"endpoint": {"address": {"socket_address": address}}})
        });
        let endpoints = Json::from(endpoints.collect::<Vec<_>>()).to_string();
        let endpoints: Value = serde_yaml_ng::from_str(&endpoints).expect("JSON is YAML");
        self.cluster(cluster, |cluster| {
            cluster["load_assignment"]["endpoints"][0]["lb_endpoints"] = endpoints;
        })
    }
}

fn merge(into: &mut Json, changes: Json) {
    for (name, value) in changes.as_object().expect("an object of changes") {
        into[name] = value.clone();
    }
}

impl Answer {
    /// A field of what the picker says of its choice.
    #[must_use]
    pub fn picker(&self, field: &str) -> Option<&str> {
        let fields = self.header("x-gateway-picker")?.split("; ");
        fields.filter_map(|f| f.split_once('=')).find(|(name, _)| *name == field).map(|(_, v)| v)
    }
}

impl Gateway {
    /// Sends a request for a model to `/sim/echo` over a new connection: it needs a
    /// `Setup::echo`, and is answered at once whatever the load.
    pub async fn echo(&self, model: &str) -> Answer {
        self.send(Self::echo_call(model)).await
    }

    /// As [`Self::echo`] sends it.
    #[must_use]
    pub fn echo_call(model: &str) -> Call {
        Call::json("/sim/echo", json!({"model": model}).to_string())
    }

    /// The values of a metric of the picker, those with this label, and the endpoint (or
    /// an empty text) of each. Only what was ever set.
    ///
    /// # Panics
    /// The admin does not answer.
    #[must_use]
    pub fn picker_metric(&self, name: &str, label: (&str, &str)) -> Vec<(String, u64)> {
        let stats = self.envoy().admin_get("/stats/prometheus?usedonly").expect("the admin");
        let label = format!("{}=\"{}\"", label.0, label.1);
        let lines = stats.lines().filter_map(|line| {
            let rest = line.strip_prefix("igw_picker_")?.strip_prefix(name)?.strip_prefix('{')?;
            let (labels, value) = rest.rsplit_once("} ")?;
            let endpoint = labels.split("igw_endpoint=\"").nth(1);
            let endpoint = endpoint.and_then(|rest| rest.split('"').next()).unwrap_or_default();
            labels.contains(&label).then(|| (endpoint.to_owned(), value.parse().expect("a number")))
        });
        lines.collect()
    }

    /// Waits until the picker has seen the metrics of so many endpoints of a pool.
    pub async fn wait_for_scrapes(&self, pool: &str, endpoints: usize) {
        let what = format!("metrics of {endpoints} endpoints of {pool}");
        eventually(&what, || {
            let known = self.picker_metric("endpoint_running", ("igw_pool", pool));
            (known.len() == endpoints).then_some(())
        })
        .await;
    }

    /// Waits until every worker's picker goes by metrics in which this endpoint has so many
    /// requests, running and waiting.
    pub async fn wait_for_load(&self, pool: &str, server: &Server, requests: usize) {
        let endpoint = server.addr().to_string();
        let what = format!("{requests} requests on {} in the metrics", server.name());
        eventually(&what, || {
            let of = |name| {
                let all = self.picker_metric(name, ("igw_pool", pool));
                all.into_iter().find(|(e, _)| *e == endpoint).map(|(_, value)| value)
            };
            let sum = of("endpoint_running")? + of("endpoint_waiting")?;
            (sum == requests as u64).then_some(())
        })
        .await;
        // The gauge is set by the worker that publishes; others follow at their next tick.
        // Generous, since ticks are late on a busy machine.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
