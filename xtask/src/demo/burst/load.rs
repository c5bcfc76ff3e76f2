//! Long generations that keep model servers busy, sent past the gateway: so it learns of
//! them by the servers' metrics alone, as of another gateway's requests.

use super::stream::agent;
use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;
use simulator::Server;
use std::io::{BufRead, BufReader};
use std::iter::repeat_n;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, spawn};

/// How many requests a server of the pool runs at once.
pub(super) const SLOTS: usize = 8;
/// How many long generations each server has when the burst begins: one has a queue that
/// outlasts the burst, one is half full, one has nothing to do.
pub(super) const LOADS: [usize; 3] = [24, 4, 0];
/// Tokens of each: 1 s.
const TOKENS: u32 = 100;

pub(super) struct Load {
    over: Arc<AtomicBool>,
    generations: Vec<JoinHandle<Result<()>>>,
}

impl Load {
    /// Begins all of them.
    pub(super) fn start(servers: &[Server]) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let loaded = servers.iter().zip(LOADS);
        let addresses = loaded.flat_map(|(server, load)| repeat_n(server.addr(), load));
        let start = |address| {
            let over = Arc::clone(&over);
            spawn(move || generate(address, &over))
        };
        let generations = addresses.map(start).collect();
        Self { over, generations }
    }

    /// Breaks off those that are not over; an error if one went wrong before.
    pub(super) fn end(self) -> Result<()> {
        self.over.store(true, Ordering::Relaxed);
        for generation in self.generations {
            let outcome = generation.join().map_err(|_| anyhow!("a long generation panicked"))?;
            outcome.context("a long generation")?;
        }
        Ok(())
    }
}

/// Reads until the end, or until the load is over.
fn generate(address: SocketAddr, over: &AtomicBool) -> Result<()> {
    let body = json!({
        "model": "meta-llama/Llama-3.1-8B-Instruct",
        "prompt": "Write a long story",
        "max_tokens": TOKENS,
        "min_tokens": TOKENS,
        "stream": true,
    });
    let url = format!("http://{address}/v1/completions");
    let post = agent().post(&url).header("content-type", "application/json");
    let mut answer = post.send(body.to_string())?;
    let status = answer.status().as_u16();
    if status != 200 {
        bail!("status {status}");
    }
    for line in BufReader::new(answer.body_mut().as_reader()).lines() {
        if over.load(Ordering::Relaxed) {
            break;
        }
        line?;
    }
    Ok(())
}
