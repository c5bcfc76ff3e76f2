//! Requests for the gateway, as many at once as the keys say.

use super::super::burst::agent;
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The most requests at once.
const MOST: usize = 96;
/// What one key press adds or takes.
const STEP: usize = 4;

const MODELS: [&str; 6] = [
    "food-review-1",
    "meta-llama/Llama-3.1-8B-Instruct",
    "ski-resorts",
    "movie-critique",
    "english-bot",
    "microsoft/Phi-4-mini-instruct",
];

struct Shared {
    level: AtomicUsize,
    over: AtomicBool,
    picks: AtomicBool,
    models: Mutex<Vec<String>>,
    picked: u16,
    plain: u16,
}

/// Requests that are sent until this is stopped.
pub(super) struct Load {
    shared: Arc<Shared>,
    senders: Vec<JoinHandle<()>>,
}

impl Load {
    /// Begins with a few. `picked` and `plain` are the ports with and without the picker.
    pub(super) fn new(picked: u16, plain: u16) -> Self {
        let shared = Arc::new(Shared {
            level: AtomicUsize::new(2 * STEP),
            over: AtomicBool::new(false),
            picks: AtomicBool::new(true),
            models: Mutex::new(MODELS.map(str::to_owned).to_vec()),
            picked,
            plain,
        });
        let sender = |n| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || send(&shared, n))
        };
        let senders = (0..MOST).map(sender).collect();
        Self { shared, senders }
    }

    pub(super) fn level(&self) -> usize {
        self.shared.level.load(Relaxed)
    }

    pub(super) fn more(&self) {
        self.shared.level.store((self.level() + STEP).min(MOST), Relaxed);
    }

    pub(super) fn less(&self) {
        self.shared.level.store(self.level().saturating_sub(STEP), Relaxed);
    }

    /// Whether requests go through the picker.
    pub(super) fn picks(&self) -> bool {
        self.shared.picks.load(Relaxed)
    }

    /// Sends them past the picker, or through it again.
    pub(super) fn switch(&self) {
        self.shared.picks.fetch_xor(true, Relaxed);
    }

    pub(super) fn add_model(&self, name: String) {
        self.shared.models.lock().unwrap_or_else(PoisonError::into_inner).push(name);
    }

    /// Ends when the requests under way do.
    pub(super) fn stop(self) {
        self.shared.over.store(true, Relaxed);
        for sender in self.senders {
            let _ = sender.join();
        }
    }
}

fn send(shared: &Shared, n: usize) {
    let agent = agent();
    let mut turn = n;
    while !shared.over.load(Relaxed) {
        if n >= shared.level.load(Relaxed) {
            thread::sleep(Duration::from_millis(100));
            continue;
        }
        turn += 1;
        let model = {
            let models = shared.models.lock().unwrap_or_else(PoisonError::into_inner);
            models.get(turn % models.len().max(1)).cloned().unwrap_or_default()
        };
        let port = if shared.picks.load(Relaxed) { shared.picked } else { shared.plain };
        let tokens = 20 + turn * 37 % 120;
        let prompt = "word ".repeat(50 + turn * 131 % 900);
        let body = json!({"model": model, "prompt": prompt, "max_tokens": tokens});
        let post = agent.post(format!("http://127.0.0.1:{port}/v1/completions"));
        let sent = post.header("content-type", "application/json").send(body.to_string());
        let answered = sent.and_then(|mut answer| answer.body_mut().read_to_vec());
        if answered.is_err() {
            thread::sleep(Duration::from_millis(200));
        }
    }
}
