//! The demo's engine as a server of the simulation.
//!
//! Tells what comes from the gateway, HTTP and timers from what comes from the other way of
//! modelling a server: beside a real Envoy it differs in the former alone, beside the
//! simulation's own servers in the latter alone.
//!
//! Invariant: as in the demo, each token is taken when it is due, whoever else runs.

use std::collections::BTreeMap;
use std::time::Duration;

use simulate::server::{Counts, Done, Hardware, Metrics, Model, Stepped};
use simulate::workload::Request;
use simulate::{BLOCK_TOKENS, Micros};
use simulator::engine::{Clockwork, Engine, Finish, Job, JobId, Limits, block_hashes};

use crate::prompts;
use crate::servers::timings;

/// A server.
#[derive(Debug)]
pub struct Twin {
    engine: Engine,
    waiting: BTreeMap<JobId, Request>,
    running: BTreeMap<JobId, Running>,
    started: Vec<(u64, u32)>,
    counts: Counts,
    /// When `step` is called next.
    planned: Option<Micros>,
}

#[derive(Debug)]
struct Running {
    request: Request,
    next_at: Micros,
    first_token: Option<Micros>,
}

impl Twin {
    /// An idle one. It has no jitter, so its seed does not matter.
    #[must_use]
    pub fn new(hardware: &Hardware) -> Self {
        let limits = Limits {
            max_num_seqs: hardware.max_running,
            block_size: BLOCK_TOKENS as usize,
            num_gpu_blocks: hardware.blocks,
            max_loras: hardware.max_adapters,
        };
        Self {
            engine: Engine::new(limits, Clockwork::new(timings(hardware), 1.0, 0)),
            waiting: BTreeMap::new(),
            running: BTreeMap::new(),
            started: Vec::new(),
            counts: Counts::default(),
            planned: None,
        }
    }

    fn admit(&mut self, now: Micros) {
        for admission in self.engine.admit(time(now)) {
            let Some(request) = self.waiting.remove(&admission.id) else { continue };
            self.started.push((request.id, admission.cached_tokens as u32));
            let next_at = micros(admission.first_token_at);
            let running = Running { request, next_at, first_token: None };
            self.running.insert(admission.id, running);
        }
        let stats = self.engine.stats();
        self.counts.prompt_tokens = stats.prompt_tokens;
        self.counts.cached_tokens = stats.prefix_cache_hits;
        self.counts.adapter_loads = stats.lora_loads;
    }
}

impl Model for Twin {
    fn submit(&mut self, now: Micros, request: Request) {
        let whole = request.prompt_tokens + request.output_tokens;
        let text = prompts::text(&request.chain, 0..whole);
        let adapter = request.adapter.map(|adapter| adapter.to_string());
        let salt = adapter.clone().unwrap_or_default();
        let job = Job {
            adapter,
            prompt_tokens: request.prompt_tokens as usize,
            output_tokens: request.output_tokens as usize,
            blocks: block_hashes(&salt, text.as_bytes(), BLOCK_TOKENS as usize),
            finish: Finish::Length,
            max_tokens_param: None,
        };
        // One that never fits would be answered with an error; there is none that long.
        if let Ok(id) = self.engine.submit(time(now), job) {
            self.waiting.insert(id, request);
            self.admit(now);
        }
    }

    fn plan(&mut self, now: Micros) -> Option<Micros> {
        let next = self.running.values().map(|running| running.next_at).min()?.max(now + 1);
        if self.planned.is_some_and(|planned| planned <= next) {
            return None;
        }
        self.planned = Some(next);
        Some(next - now)
    }

    fn step(&mut self, now: Micros) -> Stepped {
        if self.planned.is_some_and(|planned| planned <= now) {
            self.planned = None;
        }
        let mut stepped = Stepped::default();
        let due: Vec<_> =
            self.running.iter().filter(|(_, r)| r.next_at <= now).map(|(id, _)| *id).collect();
        for id in due {
            let Some(progress) = self.engine.advance(time(now), id) else { continue };
            let Some(running) = self.running.get_mut(&id) else { continue };
            running.next_at = micros(progress.next_at);
            if running.first_token.is_none() && progress.generated > 0 {
                running.first_token = Some(now);
                stepped.first_tokens.push(running.request.id);
            }
            if !progress.done {
                continue;
            }
            self.engine.finish(time(now), id, Finish::Length);
            if let Some(Running { request, first_token, .. }) = self.running.remove(&id) {
                stepped.done.push(Done { request, first_token: first_token.unwrap_or(now) });
            }
        }
        self.admit(now);
        stepped.started = std::mem::take(&mut self.started);
        stepped
    }

    fn metrics(&self) -> Metrics {
        let (load, limits) = (self.engine.load(), self.engine.limits());
        let numbers =
            |names: &[String]| names.iter().filter_map(|name| name.parse().ok()).collect();
        Metrics {
            waiting: load.waiting as u32,
            running: load.running as u32,
            kv_usage: load.kv_usage as f32,
            cache_tokens: (limits.num_gpu_blocks * limits.block_size) as u32,
            max_adapters: limits.max_loras as u32,
            running_adapters: numbers(&load.running_adapters),
            waiting_adapters: numbers(&load.waiting_adapters),
        }
    }

    fn counts(&self) -> Counts {
        self.counts
    }
}

fn time(at: Micros) -> Duration {
    Duration::from_micros(at)
}

/// Rounded up: what is due at a moment is there at it.
fn micros(at: Duration) -> Micros {
    at.as_nanos().div_ceil(1_000) as Micros
}

#[cfg(test)]
mod tests {
    use super::*;
    use simulate::policy::{Kind, Layout};
    use simulate::server::Server;
    use simulate::workload::{Session, Turn};
    use simulate::world::{Span, play};
    use simulate::{SECOND, figures::Sample};

    const SPAN: Span = Span { warm_up: 0, horizon: 10 * SECOND, patience: 60 * SECOND };
    const LAYOUT: Layout = Layout { replicas: 1, workers: 1, servers: 1 };

    fn alone<M: Model>(server: M, adapter: Option<u16>) -> Vec<Sample> {
        let turn = |prompt_tokens| Turn { pause: SECOND, prompt_tokens, output_tokens: 20 };
        let turns = vec![turn(400), turn(600)];
        let session = Session { start: SECOND, chain: (1..50).collect(), turns, adapter };
        let policy = Kind::RoundRobin.build(LAYOUT, 1);
        play(&[session], policy, LAYOUT, vec![server], SPAN, 1).samples
    }

    #[test]
    fn who_is_alone_waits_equally_long_for_both_engines() {
        let hardware = Hardware::a10_8b();
        for adapter in [None, Some(1)] {
            let (own, twin) =
                (alone(Server::new(hardware), adapter), alone(Twin::new(&hardware), adapter));
            assert_eq!((own.len(), twin.len()), (2, 2));
            for (own, twin) in own.iter().zip(&twin) {
                assert_eq!(own.cached_tokens, twin.cached_tokens);
                assert!(own.ttft.abs_diff(twin.ttft) <= 2, "{own:?} {twin:?}");
                assert!(own.total.abs_diff(twin.total) <= 40, "{own:?} {twin:?}");
            }
            assert_eq!(twin[1].cached_tokens, 416, "prompt and answer of the turn before");
        }
    }
}
