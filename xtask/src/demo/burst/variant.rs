//! The two gateways that are compared: the guides' configuration as it is, and without
//! all that belongs to the picker.

use super::super::ports::Ports;
use super::PATIENCE;
use super::stream::agent;
use crate::project;
use anyhow::{Result, bail};
use envoy_runner::Bootstrap;
use serde_json::json;
use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

/// Workers take a snapshot over one by one, and the kernel gives each new connection to
/// any of them: of two workers, one is missed by this many once in 500,000 times.
const ENOUGH_CONNECTIONS: u32 = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    RoundRobin,
    Picker,
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RoundRobin => "without the picker",
            Self::Picker => "with the picker",
        })
    }
}

impl Variant {
    pub(crate) fn bootstrap(self, ports: Ports) -> Result<Bootstrap> {
        let mut bootstrap = Bootstrap::load(project::root().join("envoy-config/guides.yaml"))?;
        bootstrap.with_ports(&ports.mapping()?)?.with_modules(&project::dist());
        if self == Self::RoundRobin {
            bootstrap.without_filter("picker")?.without_filter("resolve-route")?.with_round_robin();
        }
        Ok(bootstrap)
    }

    /// Waits until the picker knows its endpoints' metrics, in every worker: what becomes
    /// of a request before that is not what is to be compared, or shown.
    pub(crate) fn wait_until_it_balances(self, port: u16) -> Result<()> {
        let begin = Instant::now();
        let mut said = "nothing".to_owned();
        let mut in_a_row = 0;
        while begin.elapsed() < PATIENCE {
            in_a_row = match (self, probe(port)?) {
                (Self::RoundRobin, (200, None)) => in_a_row + 1,
                (Self::Picker, (200, Some(why))) if why.contains("why=picked;") => in_a_row + 1,
                (_, (status, why)) => {
                    said = format!("{status} {}", why.unwrap_or_default());
                    thread::sleep(Duration::from_millis(50));
                    0
                }
            };
            if in_a_row == ENOUGH_CONNECTIONS {
                return Ok(());
            }
        }
        bail!("the gateway {self} does not choose as it should; it last said: {said}")
    }
}

/// What becomes of a small request on a connection of its own, and what the picker says of it.
fn probe(port: u16) -> Result<(u16, Option<String>)> {
    let model = "meta-llama/Llama-3.1-8B-Instruct";
    let body = json!({"model": model, "prompt": "Hello", "max_tokens": 1});
    let url = format!("http://127.0.0.1:{port}/v1/completions");
    let post = agent().post(&url).header("content-type", "application/json");
    let mut answer = post.send(body.to_string())?;
    answer.body_mut().read_to_vec()?;
    let why = answer.headers().get("x-gateway-picker");
    let why = why.map(|why| String::from_utf8_lossy(why.as_bytes()).into_owned());
    Ok((answer.status().as_u16(), why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_picker_envoy_s_round_robin_balances_every_pool() {
        let bootstrap = Variant::RoundRobin.bootstrap(Ports::free().unwrap()).unwrap();
        assert!(bootstrap.plugin_configuration("picker").is_err());
        let clusters = bootstrap.value()["static_resources"]["clusters"].as_sequence().unwrap();
        let by_turns = clusters.iter().filter(|c| c["lb_policy"].as_str() == Some("ROUND_ROBIN"));
        assert_eq!(by_turns.count(), crate::demo::pools::POOLS.len());
        let with = Variant::Picker.bootstrap(Ports::free().unwrap()).unwrap();
        assert!(with.plugin_configuration("picker").is_ok());
    }
}
