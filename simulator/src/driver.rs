//! Runs the engine on tokio's clock.
//!
//! Invariant: whoever drops a [`Run`] before its end gives back the request's
//! place in the queue or the batch, so a client that leaves frees its slot.
//! A task that steps the engine is rejected: each request sleeps until its own
//! next token and an idle engine costs nothing.

use crate::engine::{Admission, Engine, Finish, Job, JobId, NeverFits, Progress, Time};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Series of `vllm:lora_requests_info` that are kept. vLLM keeps all it ever
/// had; a bound keeps the page from growing without end.
const MAX_LORA_SERIES: usize = 32;

/// Shortest sleep of a request whose tokens nobody watches one by one: fewer
/// timers under load, and the last token still comes on time.
const UNSEEN_STEP: Time = Time::from_millis(16);

/// The engine is gone, and with it the request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the engine stopped")]
pub struct EngineGone;

/// One value of `vllm:lora_requests_info`.
#[derive(Clone, Debug, PartialEq)]
pub struct LoraSeries {
    /// Adapters with running requests, joined by commas.
    pub running: String,
    /// Adapters with waiting requests, joined by commas.
    pub waiting: String,
    /// When it was last so, seconds since 1970.
    pub seen: f64,
}

#[derive(Debug)]
struct State {
    engine: Engine,
    /// Requests in the queue, to be told when they start.
    queued: HashMap<JobId, oneshot::Sender<Admission>>,
    /// Least recently seen first.
    lora_series: VecDeque<LoraSeries>,
}

/// The engine with its clock.
#[derive(Debug)]
pub struct Driver {
    state: Mutex<State>,
    epoch: Instant,
    epoch_unix: f64,
}

impl Driver {
    /// Starts the clock.
    pub fn new(engine: Engine) -> Arc<Self> {
        let epoch_unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Arc::new(Self {
            state: Mutex::new(State {
                engine,
                queued: HashMap::new(),
                lora_series: VecDeque::new(),
            }),
            epoch: Instant::now(),
            epoch_unix: epoch_unix.as_secs_f64(),
        })
    }

    /// When the engine started, seconds since 1970.
    pub fn started_unix(&self) -> f64 {
        self.epoch_unix
    }

    /// Puts a job into the queue.
    pub fn submit(self: &Arc<Self>, job: Job) -> Result<Run, NeverFits> {
        let finish = job.finish;
        let (told, admission) = oneshot::channel();
        let mut state = self.lock();
        let now = self.now();
        let id = state.engine.submit(now, job)?;
        state.queued.insert(id, told);
        self.settle(&mut state, now);
        drop(state);
        Ok(Run { driver: Arc::clone(self), id, finish, admission: Some(admission), open: true })
    }

    /// Looks at the engine, or changes what does not move the queue.
    pub fn with_engine<R>(&self, look: impl FnOnce(&mut Engine) -> R) -> R {
        look(&mut self.lock().engine)
    }

    /// The values `vllm:lora_requests_info` has had, the current one last.
    pub fn lora_series(&self) -> Vec<LoraSeries> {
        self.lock().lora_series.iter().cloned().collect()
    }

    fn now(&self) -> Time {
        self.epoch.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance(&self, id: JobId) -> Option<Progress> {
        let now = self.now();
        self.lock().engine.advance(now, id)
    }

    fn finish(&self, id: JobId, finish: Finish) {
        let mut state = self.lock();
        let now = self.now();
        state.queued.remove(&id);
        state.engine.finish(now, id, finish);
        self.settle(&mut state, now);
    }

    /// Starts who can start, and notes which adapters run and wait.
    fn settle(&self, state: &mut State, now: Time) {
        for admission in state.engine.admit(now) {
            if let Some(told) = state.queued.remove(&admission.id) {
                // A receiver that is gone belongs to a `Run` being dropped,
                // whose drop frees the place.
                let _ = told.send(admission);
            }
        }
        let load = state.engine.load();
        let (running, waiting) = (load.running_adapters.join(","), load.waiting_adapters.join(","));
        let newest = state.lora_series.back().map_or(0.0, |series| series.seen);
        let seen = (self.epoch_unix + now.as_secs_f64()).max(newest + 1e-6);
        state.lora_series.retain(|old| old.running != running || old.waiting != waiting);
        if state.lora_series.len() == MAX_LORA_SERIES {
            state.lora_series.pop_front();
        }
        state.lora_series.push_back(LoraSeries { running, waiting, seen });
    }

    async fn sleep_until(&self, at: Time) {
        if at > self.now() {
            tokio::time::sleep_until(self.epoch + at).await;
        }
    }
}

/// A request in the engine.
#[derive(Debug)]
pub struct Run {
    driver: Arc<Driver>,
    id: JobId,
    finish: Finish,
    admission: Option<oneshot::Receiver<Admission>>,
    open: bool,
}

impl Run {
    /// Waits until the request leaves the queue and its prefill is done.
    /// Returns the number of prompt tokens that were in the cache.
    pub async fn prefilled(&mut self) -> Result<usize, EngineGone> {
        let receiver = self.admission.take().ok_or(EngineGone)?;
        let admission = receiver.await.map_err(|_| EngineGone)?;
        self.driver.sleep_until(admission.first_token_at).await;
        Ok(admission.cached_tokens)
    }

    /// Waits until more than `seen` tokens are generated and says how many there
    /// are now. At the last token the request leaves the batch.
    pub async fn more_than(&mut self, seen: usize) -> Result<Progress, EngineGone> {
        self.wait(seen, Time::ZERO).await
    }

    /// Waits for the end of the request.
    pub async fn complete(&mut self) -> Result<(), EngineGone> {
        let mut seen = 0;
        loop {
            let progress = self.wait(seen, UNSEEN_STEP).await?;
            if progress.done {
                return Ok(());
            }
            seen = progress.generated;
        }
    }

    async fn wait(&mut self, seen: usize, step: Time) -> Result<Progress, EngineGone> {
        loop {
            let progress = self.driver.advance(self.id).ok_or(EngineGone)?;
            if progress.done {
                self.close(self.finish);
                return Ok(progress);
            }
            if progress.generated > seen {
                return Ok(progress);
            }
            let coarse = (self.driver.now() + step).min(progress.last_at);
            self.driver.sleep_until(progress.next_at.max(coarse)).await;
        }
    }

    fn close(&mut self, finish: Finish) {
        if self.open {
            self.open = false;
            self.driver.finish(self.id, finish);
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.close(Finish::Abort);
    }
}
