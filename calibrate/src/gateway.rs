//! The guides' Envoy in front of servers with the simulation's sizes.
//!
//! Invariant: nothing of the guides' configuration is changed but the pools that are left
//! out, the endpoints, the adapters, and `promptDigest` with `requestFacts`. With round
//! robin the picker is left out too, as in the demo.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use envoy_runner::{Bootstrap, Envoy, EnvoyBinary, Options, free_ports};
use serde_json::json;
use serde_yaml_ng::Value;
use simulate::policy::{DIGEST_BLOCK_TOKENS, DIGEST_BLOCKS, Kind};
use simulate::server::Hardware;
use simulator::Server;
use tokio::task::spawn_blocking;

use crate::client;
use crate::project;
use crate::servers::{MODEL, adapters, config};

/// The guides' pool, whose endpoints are replaced.
const POOL: &str = "vllm-llama3-8b-instruct";
/// Compiling two modules in V8 takes about a second; a busy machine takes longer.
const READY: Duration = Duration::from_secs(60);
/// Within this the picker has scraped all endpoints, or something is wrong.
const SETTLED: Duration = Duration::from_secs(20);

/// Envoy and its servers; dropping it ends them.
#[derive(Debug)]
pub struct Gateway {
    envoy: Envoy,
    servers: Vec<Server>,
    port: u16,
}

impl Gateway {
    /// Starts all and waits until it balances. `workers` as in the simulation.
    pub async fn start(
        binary: &EnvoyBinary,
        policy: Kind,
        hardware: &Hardware,
        servers: usize,
        workers: usize,
    ) -> Result<Self> {
        let mut started = Vec::new();
        for place in 0..servers {
            started.push(Server::start(config(place, hardware)).await?);
        }
        let endpoints: Vec<_> = started.iter().map(|server| server.addr().port()).collect();
        let ports = free_ports(3)?;
        let port = *ports.first().context("three ports")?;
        let bootstrap = bootstrap(policy, &ports, &endpoints)?;
        let options = Options { concurrency: u32::try_from(workers)?, ..Options::default() };
        let binary = binary.clone();
        let envoy = spawn_blocking(move || -> Result<_> {
            let mut envoy = Envoy::start(&binary, &bootstrap, options)?;
            envoy.wait_ready(READY)?;
            wait_until_it_balances(policy, port)?;
            Ok(envoy)
        });
        Ok(Self { envoy: envoy.await??, servers: started, port })
    }

    /// Where clients connect.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends everything.
    pub async fn stop(self) -> Result<()> {
        let mut envoy = self.envoy;
        spawn_blocking(move || envoy.stop()).await??;
        for server in self.servers {
            server.stop().await;
        }
        Ok(())
    }
}

/// The guides' configuration with these ports: gateway, admin, status page.
fn bootstrap(policy: Kind, ports: &[u16], endpoints: &[u16]) -> Result<Bootstrap> {
    let mut bootstrap = Bootstrap::load(project::root().join("envoy-config/guides.yaml"))?;
    let ports: Vec<_> = [8080, 9901, 9902].into_iter().zip(ports.iter().copied()).collect();
    bootstrap.with_ports(&ports)?.with_modules(&project::root().join("dist"));

    let mut bbr = bootstrap.plugin_configuration("bbr")?;
    let adapters: Vec<_> = adapters().collect();
    set(&mut bbr, "baseModels", json!([{"name": MODEL, "adapters": adapters}]))?;
    let digest = json!({"blockTokens": DIGEST_BLOCK_TOKENS, "maxBlocks": DIGEST_BLOCKS});
    set(&mut bbr, "promptDigest", digest)?;
    bootstrap.with_plugin_configuration("bbr", &bbr)?;
    if policy == Kind::RoundRobin {
        bootstrap.without_filter("picker")?.without_filter("resolve-route")?.with_round_robin();
    } else {
        let mut picker = bootstrap.plugin_configuration("picker")?;
        let pools = picker.get("pools").and_then(|pools| pools.as_array());
        let ours = |pool: &&serde_json::Value| pool.get("name").is_some_and(|name| name == POOL);
        let pool = pools.into_iter().flatten().find(ours).context("the guides have the pool")?;
        let pool = pool.clone();
        set(&mut picker, "pools", json!([pool]))?;
        set(&mut picker, "requestFacts", json!(true))?;
        bootstrap.with_plugin_configuration("picker", &picker)?;
    }
    let mut found = false;
    bootstrap.edit(|value| {
        let clusters = value.get_mut("static_resources").and_then(|r| r.get_mut("clusters"));
        let clusters = clusters.and_then(Value::as_sequence_mut).into_iter().flatten();
        let pool = clusters.into_iter().find(|c| c.get("name").is_some_and(|n| n == POOL));
        let Some(pool) = pool.and_then(Value::as_mapping_mut) else { return };
        let assignment = pool.get_mut("load_assignment").and_then(|a| a.get_mut("endpoints"));
        if let Some(list) = assignment.and_then(|e| e.get_mut(0)?.get_mut("lb_endpoints")) {
            *list = endpoints.iter().map(|port| endpoint(*port)).collect::<Vec<_>>().into();
            found = true;
        }
    });
    anyhow::ensure!(found, "envoy-config/guides.yaml has no cluster {POOL}");
    Ok(bootstrap)
}

fn endpoint(port: u16) -> Value {
    let address = json!({"address": "127.0.0.1", "port_value": port});
    let endpoint = json!({"endpoint": {"address": {"socket_address": address}}});
    serde_yaml_ng::to_value(endpoint).unwrap_or_default()
}

fn set(object: &mut serde_json::Value, field: &str, value: serde_json::Value) -> Result<()> {
    let fields = object.as_object_mut().context("a configuration is an object")?;
    fields.insert(field.to_owned(), value);
    Ok(())
}

/// Until it does, what becomes of a request is not what is to be compared.
fn wait_until_it_balances(policy: Kind, port: u16) -> Result<()> {
    let begin = Instant::now();
    let mut said = None;
    while begin.elapsed() < SETTLED {
        said = client::picked(port)?;
        match &said {
            None if policy == Kind::RoundRobin => return Ok(()),
            Some(why) if why.contains("why=picked;") => return Ok(()),
            _ => std::thread::sleep(Duration::from_millis(100)),
        }
    }
    bail!("the picker does not choose; it last said: {}", said.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use simulate::policy::Variant;

    #[test]
    fn the_picker_knows_one_pool_and_reads_facts() {
        let ours = Kind::Ours(Variant::Recommended);
        let bootstrap = bootstrap(ours, &[1, 2, 3], &[11, 12, 13, 14]).unwrap();
        let picker = bootstrap.plugin_configuration("picker").unwrap();
        assert_eq!(picker["requestFacts"], true);
        assert_eq!(picker["pools"].as_array().unwrap().len(), 1);
        let bbr = bootstrap.plugin_configuration("bbr").unwrap();
        assert_eq!(bbr["promptDigest"]["blockTokens"], DIGEST_BLOCK_TOKENS);
        let clusters = bootstrap.value()["static_resources"]["clusters"].as_sequence().unwrap();
        let pool = clusters.iter().find(|c| c["name"] == POOL).unwrap();
        let list = &pool["load_assignment"]["endpoints"][0]["lb_endpoints"];
        assert_eq!(list.as_sequence().unwrap().len(), 4);
        let port = &list[3]["endpoint"]["address"]["socket_address"]["port_value"];
        assert_eq!(port.as_u64(), Some(14));
    }

    #[test]
    fn round_robin_is_envoy_s_own() {
        let bootstrap = bootstrap(Kind::RoundRobin, &[1, 2, 3], &[11]).unwrap();
        assert!(bootstrap.plugin_configuration("picker").is_err());
        let clusters = bootstrap.value()["static_resources"]["clusters"].as_sequence().unwrap();
        let pool = clusters.iter().find(|c| c["name"] == POOL).unwrap();
        assert_eq!(pool["lb_policy"], "ROUND_ROBIN");
        assert!(pool.get("load_balancing_policy").is_none());
    }
}
