//! The same conversations twice: with requests sent where the load is least, and where the
//! beginning of their prompt is cached.
//!
//! Invariant: as with the burst, both runs get fresh servers with the same seeds and the
//! same requests; both are warmed up alike with prompts that nothing else begins with, from
//! which the picker learns how fast prompts are computed. Figures are printed and never
//! judged. Rejected: hit rates as the picker believes them; the servers know.

use super::burst::{Answer, Variant, agent, ask, percentile, shown};
use super::gateway::Gateway;
use super::pools;
use super::ports::Ports;
use anyhow::{Context, Result, anyhow};
use envoy_runner::{Bootstrap, EnvoyBinary};
use serde_json::{Value, json};
use simulator::{Config, Timings};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;
use tokio::task::spawn_blocking;

/// Conversations at once.
const CONVERSATIONS: usize = 8;
const TURNS: usize = 6;
/// Between an answer and the next turn.
const THINKING: Duration = Duration::from_millis(200);
/// Prompts of the warm-up per conversation; the cost scorer wants 16 in all.
const WARM_UP: usize = 3;
/// Computing a prompt's token: some 5,000 a second, as an 8B model on a small GPU.
const PROMPT_TOKEN_TIME: Duration = Duration::from_micros(200);

/// What a run brought.
#[derive(Debug)]
struct Outcome {
    /// By conversation.
    answers: Vec<Vec<Answer>>,
    /// Share of the prompts' tokens that the servers had cached.
    hit_rate: f64,
}

/// Runs both, prints both.
pub(super) async fn run(ports: Ports, binary: &EnvoyBinary) -> Result<()> {
    println!(
        "\nconversations, twice: {CONVERSATIONS} at once of {TURNS} turns to pool {}, each with \
         its own beginning\nof some 1,000 tokens: without and with prompt affinity \
         (promptDigest, requestFacts)",
        pools::POOLS[0].name
    );
    let off = measure(false, ports, binary).await?;
    let on = measure(true, ports, binary).await?;
    println!("{}", draw(&off, &on));
    Ok(())
}

async fn measure(affinity: bool, ports: Ports, binary: &EnvoyBinary) -> Result<Outcome> {
    let mut bootstrap = Variant::Picker.bootstrap(ports)?;
    if affinity {
        switch_on(&mut bootstrap)?;
    }
    let gateway = Gateway::assemble(binary.clone(), bootstrap, configs(ports)).await?;
    let port = ports.gateway;
    spawn_blocking(move || Variant::Picker.wait_until_it_balances(port)).await??;
    let servers = usize::from(pools::POOLS[0].endpoints);
    let servers: Vec<_> = gateway.servers().iter().take(servers).map(|s| s.addr()).collect();
    let outcome = spawn_blocking(move || -> Result<Outcome> {
        converse("Unlike", WARM_UP, port, |chat, _| chat.clear())?;
        let (hits, queries) = cached(&servers)?;
        let answers = converse("Case", TURNS, port, |_, _| ())?;
        let (later_hits, later_queries) = cached(&servers)?;
        Ok(Outcome { answers, hit_rate: (later_hits - hits) / (later_queries - queries).max(1.0) })
    });
    let outcome = outcome.await?;
    gateway.stop().await?;
    outcome.context("the conversations")
}

fn switch_on(bootstrap: &mut Bootstrap) -> Result<()> {
    for (filter, field, value) in
        [("bbr", "promptDigest", json!({})), ("picker", "requestFacts", json!(true))]
    {
        let mut config = bootstrap.plugin_configuration(filter)?;
        let fields = config.as_object_mut().context("a configuration is an object")?;
        fields.insert(field.to_owned(), value);
        bootstrap.with_plugin_configuration(filter, &config)?;
    }
    Ok(())
}

fn configs(ports: Ports) -> Vec<Config> {
    let mut configs = pools::configs(ports.simulators_from, 1.0);
    for config in &mut configs {
        config.timings = Timings { prefill_per_token: PROMPT_TOKEN_TIME, ..Timings::default() };
    }
    configs
}

/// Holds all conversations at once; `between` may change one before its next turn.
fn converse(
    about: &'static str,
    turns: usize,
    port: u16,
    between: fn(&mut Vec<Value>, usize),
) -> Result<Vec<Vec<Answer>>> {
    let hold = move |n: usize| -> Result<Vec<Answer>> {
        let mut chat = Vec::new();
        let mut answers = Vec::with_capacity(turns);
        for turn in 0..turns {
            between(&mut chat, turn);
            let text = if chat.is_empty() {
                (0..100)
                    .map(|line| format!("{about} {n}.{turn}, line {line} of its file. "))
                    .collect()
            } else {
                "And what follows from that? ".repeat(10)
            };
            chat.push(json!({"role": "user", "content": text}));
            answers.push(ask(
                port,
                &json!({
                    "model": "meta-llama/Llama-3.1-8B-Instruct",
                    "messages": chat,
                    "max_tokens": 8,
                    "min_tokens": 8,
                    "stream": true,
                }),
            )?);
            chat.push(json!({"role": "assistant", "content": "That follows. ".repeat(20)}));
            thread::sleep(THINKING);
        }
        Ok(answers)
    };
    let held: Vec<_> = (0..CONVERSATIONS).map(|n| thread::spawn(move || hold(n))).collect();
    held.into_iter().map(|one| one.join().map_err(|_| anyhow!("one panicked"))?).collect()
}

/// Prompt tokens that the servers found cached, and those they looked for.
fn cached(servers: &[SocketAddr]) -> Result<(f64, f64)> {
    let mut sums = (0.0, 0.0);
    for server in servers {
        let page = agent().get(format!("http://{server}/metrics")).call()?;
        let page = page.into_body().read_to_string()?;
        let value = |name: &str| -> Result<f64> {
            let line = page.lines().find(|line| line.starts_with(name));
            let value = line.and_then(|line| line.rsplit(' ').next());
            Ok(value.with_context(|| format!("{server} has no {name}"))?.parse()?)
        };
        sums.0 += value("vllm:prefix_cache_hits_total{")?;
        sums.1 += value("vllm:prefix_cache_queries_total{")?;
    }
    Ok(sums)
}

fn draw(off: &Outcome, on: &Outcome) -> String {
    let mut page = format!("\n{:44}  {:>12}  {:>12}\n", "", "affinity off", "affinity on");
    let mut line = |name: &str, show: &dyn Fn(&Outcome) -> String| {
        page += &format!("{name:44}  {:>12}  {:>12}\n", show(off), show(on));
    };
    line("prompt tokens found in the servers' caches", &|o| format!("{:.0} %", 100.0 * o.hit_rate));
    for percent in [50, 90] {
        line(&format!("time to first token, p{percent}"), &|o| {
            shown(percentile(&o.answers.concat(), percent))
        });
    }
    line("conversations that stayed on one server", &|o| {
        let servers = |turns: &[Answer]| {
            turns.iter().map(|answer| answer.endpoint.clone()).collect::<BTreeSet<_>>().len()
        };
        let whole = o.answers.iter().filter(|turns| servers(turns) == 1).count();
        format!("{whole} of {}", o.answers.len())
    });
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_runs_stand_side_by_side() {
        let answer = |endpoint: &str, milliseconds| Answer {
            endpoint: endpoint.to_owned(),
            first_token: Duration::from_millis(milliseconds),
        };
        let off = Outcome {
            answers: vec![vec![answer("a", 200), answer("b", 300)], vec![answer("a", 100)]],
            hit_rate: 0.254,
        };
        let on = Outcome { answers: vec![vec![answer("a", 20)]; 2], hit_rate: 0.8 };
        let text = draw(&off, &on);
        let cells = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(cells("prompt tokens found in the servers' caches"), "25 % 80 %");
        assert_eq!(cells("time to first token, p50"), "200 ms 20 ms");
        assert_eq!(cells("conversations that stayed on one server"), "1 of 2 2 of 2");
    }

    #[test]
    fn only_the_facts_are_switched_on() {
        let ports = Ports { gateway: 1, admin: 2, status: 3, simulators_from: 8001 };
        let mut bootstrap = Variant::Picker.bootstrap(ports).unwrap();
        let before = bootstrap.plugin_configuration("picker").unwrap();
        switch_on(&mut bootstrap).unwrap();
        let mut after = bootstrap.plugin_configuration("picker").unwrap();
        assert_eq!(after["requestFacts"], true);
        after.as_object_mut().unwrap().remove("requestFacts");
        assert_eq!(after, before);
    }
}
