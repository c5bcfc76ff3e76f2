//! The simulated engine: a queue, a batch, a KV cache and LoRA slots.
//!
//! Invariant: no clock, no I/O and no task in here; the time (since the
//! engine's start) is an argument of every call, so that tests choose it.
//! Requests start in the order they came, except that one whose adapter finds
//! no slot lets others pass. A step-by-step imitation of vLLM's scheduler is
//! rejected: it would tick every few milliseconds even without load.

mod adapters;
mod blocks;
mod prompt;
mod stats;
#[cfg(test)]
mod tests;
mod timing;

pub use prompt::{BYTES_PER_TOKEN, BlockHash, block_hashes, count_tokens};
pub use stats::{Finish, Histogram, Stats};
pub use timing::{
    Clockwork, DECODE_BASE, DECODE_PER_RUNNING, JITTER, LORA_LOAD, PREFILL_BASE, PREFILL_PER_TOKEN,
    Timings,
};

use adapters::AdapterSlots;
use blocks::{BlockPool, Holding};
use std::collections::BTreeMap;
use std::time::Duration;

/// Time since the engine started.
pub type Time = Duration;

/// A request's number; later requests have larger ones.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct JobId(u64);

/// The engine's sizes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests that run at once, 1 or more.
    pub max_num_seqs: usize,
    /// Tokens per KV block, 1 or more.
    pub block_size: usize,
    /// KV blocks, 1 or more.
    pub num_gpu_blocks: usize,
    /// LoRA adapters that run at once.
    pub max_loras: usize,
}

/// What a request asks of the engine.
#[derive(Clone, Debug)]
pub struct Job {
    /// The LoRA adapter, if any.
    pub adapter: Option<String>,
    /// Tokens of the prompt, 1 or more.
    pub prompt_tokens: usize,
    /// Tokens to generate; 0 for an embedding.
    pub output_tokens: usize,
    /// Hashes of the full blocks of the prompt followed by the answer.
    pub blocks: Vec<BlockHash>,
    /// How it will end if the client stays.
    pub finish: Finish,
    /// The client's limit, for the statistics.
    pub max_tokens_param: Option<usize>,
}

/// A job that can never run.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the request needs {needed} KV blocks and the cache has {capacity}")]
pub struct NeverFits {
    /// Blocks the job needs.
    pub needed: usize,
    /// Blocks there are.
    pub capacity: usize,
}

/// A job left the queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Admission {
    /// The job.
    pub id: JobId,
    /// When its first token comes.
    pub first_token_at: Time,
    /// Prompt tokens found in the prefix cache.
    pub cached_tokens: usize,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Progress {
    /// Tokens generated so far.
    pub generated: usize,
    /// Nothing is left to generate.
    pub done: bool,
    /// When the next token comes.
    pub next_at: Time,
    /// When the last one comes if the batch stays as it is.
    pub last_at: Time,
}

/// The engine's load at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Load {
    /// Requests in the batch.
    pub running: usize,
    /// Requests in the queue.
    pub waiting: usize,
    /// Share of KV blocks in use, 0 to 1.
    pub kv_usage: f64,
    /// Adapters with running requests.
    pub running_adapters: Vec<String>,
    /// Adapters with waiting requests; as in vLLM one may be in both lists.
    pub waiting_adapters: Vec<String>,
    /// Adapters in GPU slots, in use or not.
    pub resident_adapters: Vec<String>,
}

#[derive(Debug)]
struct Waiting {
    job: Job,
    arrived: Time,
}

#[derive(Debug)]
struct Running {
    job: Job,
    arrived: Time,
    admitted: Time,
    first_token_at: Time,
    last_token_at: Time,
    next_at: Time,
    generated: usize,
    holding: Holding,
}

/// The engine.
#[derive(Debug)]
pub struct Engine {
    limits: Limits,
    clockwork: Clockwork,
    pool: BlockPool,
    adapters: AdapterSlots,
    waiting: BTreeMap<JobId, Waiting>,
    running: BTreeMap<JobId, Running>,
    /// Prefills and adapter loads occupy the GPU one after the other.
    busy_until: Time,
    next_id: u64,
    stats: Stats,
}

impl Engine {
    /// An idle engine.
    pub fn new(limits: Limits, clockwork: Clockwork) -> Self {
        Self {
            limits,
            clockwork,
            pool: BlockPool::new(limits.num_gpu_blocks),
            adapters: AdapterSlots::new(limits.max_loras),
            waiting: BTreeMap::new(),
            running: BTreeMap::new(),
            busy_until: Time::ZERO,
            next_id: 0,
            stats: Stats::default(),
        }
    }

    /// Puts a job at the end of the queue; call [`Engine::admit`] next.
    pub fn submit(&mut self, now: Time, job: Job) -> Result<JobId, NeverFits> {
        let needed = self.blocks_of(job.prompt_tokens + job.output_tokens);
        let capacity = self.pool.capacity();
        if needed > capacity {
            return Err(NeverFits { needed, capacity });
        }
        let id = JobId(self.next_id);
        self.next_id += 1;
        self.waiting.insert(id, Waiting { job, arrived: now });
        Ok(id)
    }

    /// Starts every waiting job that can start now.
    pub fn admit(&mut self, now: Time) -> Vec<Admission> {
        let mut admitted = Vec::new();
        let mut from = JobId(0);
        while self.running.len() < self.limits.max_num_seqs {
            let Some((&id, waiting)) = self.waiting.range(from..).next() else { break };
            from = JobId(id.0 + 1);
            let blocked = waiting.job.adapter.as_deref().is_some_and(|a| !self.adapters.admits(a));
            if blocked {
                continue;
            }
            let Some(admission) = self.start(now, id) else { break };
            admitted.push(admission);
        }
        admitted
    }

    /// Generates all tokens that are due and says when the next one is.
    /// `None` if the job does not run.
    pub fn advance(&mut self, now: Time, id: JobId) -> Option<Progress> {
        let batch = self.running.len();
        let run = self.running.get_mut(&id)?;
        while run.generated < run.job.output_tokens && run.next_at <= now {
            if run.generated == 0 {
                self.stats.time_to_first_token.observe_time(run.next_at - run.arrived);
            } else {
                self.stats.inter_token_latency.observe_time(run.next_at - run.last_token_at);
            }
            run.last_token_at = run.next_at;
            run.generated += 1;
            self.stats.generation_tokens += 1;
            run.next_at += self.clockwork.decode(batch);
            let tokens = run.job.prompt_tokens + run.generated;
            let held = run.holding.hashed + run.holding.anonymous;
            if tokens.div_ceil(self.limits.block_size) > held {
                self.pool.grow(&mut run.holding);
            }
        }
        let done = run.generated >= run.job.output_tokens && run.first_token_at <= now;
        let after_next = run.job.output_tokens.saturating_sub(run.generated + 1);
        let after_next = u32::try_from(after_next).unwrap_or(u32::MAX);
        let last_at = run
            .next_at
            .saturating_add(self.clockwork.typical_decode(batch).saturating_mul(after_next));
        Some(Progress { generated: run.generated, done, next_at: run.next_at, last_at })
    }

    /// Ends a job, wherever it is; call [`Engine::admit`] next.
    pub fn finish(&mut self, now: Time, id: JobId, finish: Finish) {
        if self.waiting.remove(&id).is_some() {
            self.stats.aborted += 1;
            return;
        }
        let Some(run) = self.running.remove(&id) else { return };
        let filled = (run.job.prompt_tokens + run.generated) / self.limits.block_size;
        let full = run.job.blocks.get(..filled).unwrap_or(&run.job.blocks);
        self.pool.give_back(full, run.holding);
        if let Some(adapter) = &run.job.adapter {
            self.adapters.stop(adapter);
        }
        match finish {
            Finish::Stop => self.stats.stopped += 1,
            Finish::Length => self.stats.length_limited += 1,
            Finish::Abort => self.stats.aborted += 1,
        }
        if finish != Finish::Abort {
            self.record(&run, now);
        }
    }

    /// Forgets an adapter that was unloaded.
    pub fn evict_adapter(&mut self, adapter: &str) {
        self.adapters.evict(adapter);
    }

    /// The load at this moment.
    pub fn load(&self) -> Load {
        let mut waiting_adapters: Vec<String> = Vec::new();
        for waiting in self.waiting.values() {
            if let Some(adapter) = &waiting.job.adapter
                && !waiting_adapters.contains(adapter)
            {
                waiting_adapters.push(adapter.clone());
            }
        }
        Load {
            running: self.running.len(),
            waiting: self.waiting.len(),
            kv_usage: self.pool.usage(),
            running_adapters: self.adapters.running().map(str::to_owned).collect(),
            waiting_adapters,
            resident_adapters: self.adapters.resident().to_vec(),
        }
    }

    /// What was counted so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Counts a request's `n`, once per HTTP request.
    pub fn count_n(&mut self, n: usize) {
        self.stats.request_params_n.observe(n as f64);
    }

    /// The engine's sizes.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    fn blocks_of(&self, tokens: usize) -> usize {
        tokens.div_ceil(self.limits.block_size)
    }

    fn start(&mut self, now: Time, id: JobId) -> Option<Admission> {
        let job = &self.waiting.get(&id)?.job;
        let prompt_blocks = self.blocks_of(job.prompt_tokens);
        let hashed = (job.prompt_tokens / self.limits.block_size).min(job.blocks.len());
        let holding = Holding {
            hashed,
            anonymous: prompt_blocks - hashed,
            reserved: self.blocks_of(job.prompt_tokens + job.output_tokens) - prompt_blocks,
        };
        let taken = self.pool.take(job.blocks.get(..hashed)?, holding)?;
        let Waiting { job, arrived } = self.waiting.remove(&id)?;

        // The last token is always computed: its output is the first answer.
        let reusable = job.prompt_tokens.saturating_sub(1) / self.limits.block_size;
        let cached_tokens = taken.hits.min(reusable) * self.limits.block_size;
        let mut ready = self.busy_until.max(now);
        if let Some(adapter) = &job.adapter
            && self.adapters.start(adapter)
        {
            self.stats.lora_loads += 1;
            ready += self.clockwork.lora_load();
        }
        ready += self.clockwork.prefill(job.prompt_tokens - cached_tokens);
        self.busy_until = ready;
        self.stats.prompt_tokens += job.prompt_tokens as u64;
        self.stats.prefix_cache_queries += job.prompt_tokens as u64;
        self.stats.prefix_cache_hits += cached_tokens as u64;
        self.running.insert(
            id,
            Running {
                job,
                arrived,
                admitted: now,
                first_token_at: ready,
                last_token_at: ready,
                next_at: ready,
                generated: 0,
                holding,
            },
        );
        Some(Admission { id, first_token_at: ready, cached_tokens })
    }

    fn record(&mut self, run: &Running, now: Time) {
        let stats = &mut self.stats;
        let last = run.last_token_at.min(now);
        stats.e2e_request_latency.observe_time(last.saturating_sub(run.arrived));
        stats.request_queue_time.observe_time(run.admitted - run.arrived);
        stats.request_prefill_time.observe_time(run.first_token_at - run.admitted);
        stats.request_decode_time.observe_time(last.saturating_sub(run.first_token_at));
        stats.request_inference_time.observe_time(last.saturating_sub(run.admitted));
        stats.request_prompt_tokens.observe(run.job.prompt_tokens as f64);
        stats.request_generation_tokens.observe(run.generated as f64);
        if let Some(max_tokens) = run.job.max_tokens_param {
            stats.request_params_max_tokens.observe(max_tokens as f64);
        }
    }
}
