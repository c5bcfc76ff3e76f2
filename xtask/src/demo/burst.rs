//! The same burst of requests twice on unequally loaded model servers: balanced by
//! Envoy's round robin, and by the picker.
//!
//! Invariant: both runs get fresh servers with the same seeds, the same load and the same
//! requests at the same times; only what chooses the endpoint differs. Figures are
//! printed and never judged: a busy machine is no error. Rejected: one run that switches
//! between the two; the first would leave its queues to the second.

mod load;
mod report;
mod stream;
mod variant;

pub(super) use report::{percentile, shown};
pub(super) use stream::{Answer, agent, ask};
pub(super) use variant::Variant;

use super::gateway::Gateway;
use super::pools;
use super::ports::Ports;
use anyhow::{Context, Result, bail};
use envoy_runner::EnvoyBinary;
use load::{LOADS, Load, SLOTS};
use simulator::{Config, Server, Timings};
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;

/// Requests of the burst, each on a connection of its own.
const REQUESTS: usize = 60;
/// Between two of them.
const SPACING: Duration = Duration::from_millis(15);
/// Tokens of each answer.
const TOKENS: u32 = 16;
/// What an 8B model takes for a token on a current GPU.
const TOKEN_TIME: Duration = Duration::from_millis(10);
/// From the load's begin to the burst's: more than two scrapes of each endpoint.
const SETTLE: Duration = Duration::from_millis(500);
/// Longer than this nothing here takes, but on a machine that hangs.
const PATIENCE: Duration = Duration::from_secs(15);

/// Runs both, prints both.
pub(super) async fn run(ports: Ports, binary: &EnvoyBinary) -> Result<()> {
    println!("{}", introduction());
    let round_robin = measure(Variant::RoundRobin, ports, binary).await?;
    let picker = measure(Variant::Picker, ports, binary).await?;
    println!("{}", report::draw(&round_robin, &picker, &names()));
    Ok(())
}

fn introduction() -> String {
    let loads: Vec<String> =
        LOADS.iter().enumerate().map(|(n, load)| format!("{load} at -{n}")).collect();
    format!(
        "\na burst, twice: {REQUESTS} streaming chat requests in {} ms to pool {}.\n\
         Its {} servers run {SLOTS} requests at once; long generations, sent straight to them, keep\n\
         them unequally busy: {}",
        SPACING.as_millis() * REQUESTS as u128,
        pools::POOLS[0].name,
        LOADS.len(),
        loads.join(", "),
    )
}

fn names() -> Vec<String> {
    (0..LOADS.len()).map(|n| format!("{}-{n}", pools::POOLS[0].name)).collect()
}

/// The demo's servers; those of the first pool run few requests at once, at the pace of
/// a GPU.
fn configs(ports: Ports) -> Vec<Config> {
    let mut configs = pools::configs(ports.simulators_from, 1.0);
    for config in configs.iter_mut().take(LOADS.len()) {
        config.max_num_seqs = SLOTS;
        config.timings = Timings { decode_base: TOKEN_TIME, ..Timings::default() };
    }
    configs
}

async fn measure(variant: Variant, ports: Ports, binary: &EnvoyBinary) -> Result<Vec<Answer>> {
    let bootstrap = variant.bootstrap(ports)?;
    let gateway = Gateway::assemble(binary.clone(), bootstrap, configs(ports)).await?;
    let port = ports.gateway;
    spawn_blocking(move || variant.wait_until_it_balances(port)).await??;
    let servers = gateway.servers();
    let load = Load::start(servers);
    wait_until_loaded(servers).await?;
    tokio::time::sleep(SETTLE).await;
    let answers = spawn_blocking(move || stream::burst(port)).await?;
    spawn_blocking(move || load.end()).await??;
    gateway.stop().await?;
    answers.with_context(|| format!("the burst {variant}"))
}

async fn wait_until_loaded(servers: &[Server]) -> Result<()> {
    let begin = Instant::now();
    let is_loaded = |(server, load): (&Server, &usize)| {
        let seen = server.load();
        seen.running + seen.waiting == *load
    };
    while !servers.iter().zip(LOADS.iter()).all(is_loaded) {
        if begin.elapsed() > PATIENCE {
            bail!("the long generations did not begin within {} s", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_unequal_and_on_the_first_pool() {
        assert_eq!(LOADS.len(), usize::from(pools::POOLS[0].endpoints));
        assert!(LOADS[0] > SLOTS && LOADS[2] == 0, "{LOADS:?}");
        let ports = Ports { gateway: 1, admin: 2, status: 3, simulators_from: 8001 };
        let configs = configs(ports);
        let few = configs.iter().filter(|config| config.max_num_seqs == SLOTS);
        assert_eq!(few.map(|config| config.name.clone()).collect::<Vec<_>>(), names());
    }
}
