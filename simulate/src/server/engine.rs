//! The engine's loop.

use std::collections::VecDeque;

use super::adapters::Slots;
use super::cache::Cache;
use super::{Counts, Hardware, Metrics, Model, blocks_of};
use crate::workload::Request;
use crate::{BLOCK_TOKENS, Micros};

/// A request that ended in a step.
#[derive(Debug)]
pub struct Done {
    /// It.
    pub request: Request,
    /// When its first token came.
    pub first_token: Micros,
}

/// What a step brought, known at its end.
#[derive(Debug, Default)]
pub struct Stepped {
    /// Requests that left the queue, and how many tokens of each prompt were in the cache.
    pub started: Vec<(u64, u32)>,
    /// Requests whose first token it brought.
    pub first_tokens: Vec<u64>,
    /// Requests that ended.
    pub done: Vec<Done>,
}

#[derive(Debug)]
struct Running {
    request: Request,
    /// Tokens of the prompt, and of the answer so far if it was preempted.
    wanted: u32,
    /// Tokens whose KV is there.
    computed: u32,
    generated: u32,
    /// Leading blocks of the chain that are held as complete.
    complete: usize,
    /// Further blocks held.
    partial: usize,
    first_token: Option<Micros>,
}

/// A server.
#[derive(Debug)]
pub struct Server {
    hardware: Hardware,
    cache: Cache,
    slots: Slots,
    waiting: VecDeque<(Request, u32, Option<Micros>)>,
    running: Vec<Running>,
    /// Requests got.
    pub received: u64,
    /// Prompt tokens got.
    pub prompt_tokens: u64,
    /// Of those, found in the cache.
    pub cached_tokens: u64,
    /// Requests that were preempted.
    pub preemptions: u64,
    loading: Micros,
    /// Since the last step's end.
    started: Vec<(u64, u32)>,
    /// A step runs: what comes now waits for its end.
    stepping: bool,
}

impl Server {
    /// An idle one.
    #[must_use]
    pub fn new(hardware: Hardware) -> Self {
        Self {
            hardware,
            cache: Cache::new(hardware.blocks),
            slots: Slots::default(),
            waiting: VecDeque::new(),
            running: Vec::new(),
            received: 0,
            prompt_tokens: 0,
            cached_tokens: 0,
            preemptions: 0,
            loading: 0,
            started: Vec::new(),
            stepping: false,
        }
    }

    /// A request came.
    pub fn submit(&mut self, request: Request) {
        self.received += 1;
        self.waiting.push_back((request, 0, None));
    }

    /// Adapters loaded so far.
    #[must_use]
    pub fn adapter_loads(&self) -> u64 {
        self.slots.loads
    }

    /// Whether it has nothing to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// What a scrape says now.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let mut waiting_adapters: Vec<_> =
            self.waiting.iter().filter_map(|(request, ..)| request.adapter).collect();
        waiting_adapters.sort_unstable();
        waiting_adapters.dedup();
        Metrics {
            waiting: self.waiting.len() as u32,
            running: self.running.len() as u32,
            kv_usage: self.cache.usage(),
            cache_tokens: self.hardware.blocks as u32 * BLOCK_TOKENS,
            max_adapters: self.hardware.max_adapters as u32,
            running_adapters: self.slots.running(),
            waiting_adapters,
        }
    }

    /// For the oracle: microseconds until a request sent now would have its first token.
    #[must_use]
    pub fn time_to_first_token(&self, request: &Request, cost_of_prefill: f64) -> f64 {
        let Hardware { per_prompt_token, per_decode, per_context_token, .. } = self.hardware;
        let queued: usize = self
            .waiting
            .iter()
            .map(|(waiting, ..)| waiting.prompt_tokens as usize - self.cached(waiting))
            .sum();
        let left: u32 = self.running.iter().map(|r| r.wanted.saturating_sub(r.computed)).sum();
        let context: u32 = self.running.iter().map(|r| r.computed).sum();
        let own = f64::from(request.prompt_tokens) - self.cached(request) as f64;
        let tokens = queued as f64 + f64::from(left);
        let steps = 1.0 + (tokens + own) / f64::from(self.hardware.step_tokens);
        let step = self.hardware.step_base
            + per_decode * self.running.len() as f64
            + per_context_token * f64::from(context);
        let load = match request.adapter {
            Some(adapter) if !self.slots.is_resident(adapter) => self.hardware.adapter_load as f64,
            _ => 0.0,
        };
        // Without a block it waits until somebody ends.
        let needed = blocks_of(request.prompt_tokens) + blocks_of(queued as u32);
        let full = if self.cache.free() < needed { 1e6 } else { 0.0 };
        // A request that runs takes part in each step of all others.
        let runs = 40.0 * (self.running.len() + self.waiting.len()) as f64;
        load + full + steps * step + (tokens + runs + own * cost_of_prefill) * per_prompt_token
    }

    /// Prompt tokens that are in the cache now.
    #[must_use]
    pub fn cached(&self, request: &Request) -> usize {
        let hits = self.cache.hits(request.prompt_chain());
        hits.min(reusable(request.prompt_tokens)) * BLOCK_TOKENS as usize
    }

    /// Begins the next step and says how long it takes; none if there is nothing to do, or
    /// if one runs.
    pub fn begin_step(&mut self) -> Option<Micros> {
        if self.stepping {
            return None;
        }
        let time = self.step_time().map(|time| time.max(1));
        self.stepping = time.is_some();
        time
    }

    fn step_time(&mut self) -> Option<Micros> {
        let mut budget = self.hardware.step_tokens;
        let (mut decoding, mut context, mut prompt) = (0_u32, 0_u64, 0_u32);
        let mut n = 0;
        while let Some(run) = self.running.get(n) {
            let chunk = if run.computed < run.wanted { run.wanted - run.computed } else { 1 };
            let chunk = chunk.min(budget);
            if chunk == 0 {
                break;
            }
            let (is_decode, computed) = (run.computed >= run.wanted, run.computed);
            if is_decode && !self.has_room(n) {
                continue;
            }
            if is_decode {
                decoding += 1;
                context += u64::from(computed);
            } else {
                prompt += chunk;
            }
            budget -= chunk;
            self.compute(n, chunk);
            n += 1;
        }
        self.admit(&mut budget, &mut prompt);
        if decoding == 0 && prompt == 0 {
            // All wait for adapters or blocks; somebody runs, else they would not.
            return (!self.is_idle()).then_some(self.hardware.step_base as Micros);
        }
        let Hardware { step_base, per_prompt_token, per_decode, per_context_token, .. } =
            self.hardware;
        let time = step_base
            + f64::from(prompt) * per_prompt_token
            + f64::from(decoding) * per_decode
            + context as f64 * per_context_token;
        Some(time as Micros + std::mem::take(&mut self.loading))
    }

    /// Makes room for the next token of a running request; false if the request itself had
    /// to go, or the one now at its place is another.
    fn has_room(&mut self, n: usize) -> bool {
        let Some(run) = self.running.get(n) else { return false };
        if run.complete + run.partial >= blocks_of(run.computed + 1) || self.cache.free() > 0 {
            return true;
        }
        let Some(victim) = self.running.pop() else { return false };
        self.preemptions += 1;
        self.release(&victim);
        self.waiting.push_front((victim.request, victim.generated, victim.first_token));
        n < self.running.len() && self.has_room(n)
    }

    fn compute(&mut self, n: usize, tokens: u32) {
        let Some(run) = self.running.get_mut(n) else { return };
        run.computed += tokens;
        let missing = blocks_of(run.computed).saturating_sub(run.complete + run.partial);
        self.cache.take(missing);
        run.partial += missing;
        let full = ((run.computed / BLOCK_TOKENS) as usize).min(run.request.chain.len());
        for hash in run.request.chain.get(run.complete..full).unwrap_or_default() {
            self.cache.complete(*hash);
            run.partial -= 1;
            run.complete += 1;
        }
    }

    fn admit(&mut self, budget: &mut u32, prompt: &mut u32) {
        let mut n = 0;
        while *budget > 0 && self.running.len() < self.hardware.max_running {
            let Some((request, generated, _)) = self.waiting.get(n) else { return };
            let max = self.hardware.max_adapters;
            if request.adapter.is_some_and(|adapter| !self.slots.admits(adapter, max)) {
                n += 1;
                continue;
            }
            let wanted = request.prompt_tokens + generated;
            let chain = request.chain.get(..(wanted / BLOCK_TOKENS) as usize);
            let chain = chain.unwrap_or(&request.chain);
            let hits = self.cache.hits(chain).min(reusable(wanted));
            let found = chain.get(..hits).unwrap_or_default();
            let needed = blocks_of(wanted) - hits + self.cache.kept_of(found);
            // vLLM keeps a hundredth free, so that admitting does not preempt at once.
            if needed + self.hardware.blocks / 100 > self.cache.free() && !self.running.is_empty() {
                return;
            }
            let Some((request, generated, first_token)) = self.waiting.remove(n) else { return };
            let chain = request.chain.get(..hits).unwrap_or_default();
            self.cache.hold(chain);
            let cached = hits as u32 * BLOCK_TOKENS;
            if generated == 0 {
                self.prompt_tokens += u64::from(request.prompt_tokens);
                self.cached_tokens += u64::from(cached);
                self.started.push((request.id, cached));
            }
            if let Some(adapter) = request.adapter
                && self.slots.start(adapter, max)
            {
                self.loading += self.hardware.adapter_load;
            }
            let partial = blocks_of(wanted) - hits;
            self.cache.take(partial);
            let chunk = (wanted - cached).min(*budget);
            self.running.push(Running {
                request,
                wanted,
                computed: cached,
                generated,
                complete: hits,
                partial,
                first_token,
            });
            self.compute(self.running.len() - 1, chunk);
            *budget -= chunk;
            *prompt += chunk;
        }
    }

    /// The step is over.
    pub fn finish_step(&mut self, now: Micros) -> Stepped {
        self.stepping = false;
        let started = std::mem::take(&mut self.started);
        let mut stepped = Stepped { started, ..Stepped::default() };
        let mut n = 0;
        while let Some(run) = self.running.get_mut(n) {
            // Whose prompt is complete, or who decoded, has one token more.
            let total = run.request.prompt_tokens + run.generated;
            if run.computed >= total {
                run.generated += 1;
                if run.first_token.is_none() {
                    run.first_token = Some(now);
                    stepped.first_tokens.push(run.request.id);
                }
            }
            if run.generated >= run.request.output_tokens {
                let run = self.running.remove(n);
                self.release(&run);
                let first_token = run.first_token.unwrap_or(now);
                stepped.done.push(Done { request: run.request, first_token });
            } else {
                n += 1;
            }
        }
        stepped
    }

    fn release(&mut self, run: &Running) {
        self.cache.drop_partial(run.partial);
        self.cache.release(run.request.chain.get(..run.complete).unwrap_or_default());
        if let Some(adapter) = run.request.adapter {
            self.slots.stop(adapter);
        }
    }
}

impl Model for Server {
    fn submit(&mut self, _: Micros, request: Request) {
        self.submit(request);
    }

    fn plan(&mut self, _: Micros) -> Option<Micros> {
        self.begin_step()
    }

    fn step(&mut self, now: Micros) -> Stepped {
        self.finish_step(now)
    }

    fn metrics(&self) -> Metrics {
        self.metrics()
    }

    fn counts(&self) -> Counts {
        Counts {
            prompt_tokens: self.prompt_tokens,
            cached_tokens: self.cached_tokens,
            adapter_loads: self.adapter_loads(),
            preemptions: self.preemptions,
        }
    }

    fn truth(all: &[Self]) -> &[Server] {
        all
    }
}

/// Blocks that may come from the cache: the last token is always computed, since its
/// output is the first of the answer.
fn reusable(tokens: u32) -> usize {
    (tokens.saturating_sub(1) / BLOCK_TOKENS) as usize
}
