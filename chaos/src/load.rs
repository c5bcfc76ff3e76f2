//! Clients that send requests until they are told to stop.
//!
//! Invariant: every request has a number that goes to the model server in its path, so
//! that both sides' views of it can be laid side by side; and every request that was
//! begun ends up in [`Load::stop`]'s list.
//!
//! Rejected: a fixed rate. On a busy machine it queues in the client, and what is seen
//! then is the client.

use crate::outcome::{Outcome, Sent, Told};
use fastrand::Rng;
use gateway_tests::{Answer, Call, Client, Version, sha256};
use serde_json::json;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// A pool and a model of it.
pub(crate) type Goal = (&'static str, &'static str);

/// Numbers of requests, over all loads of a run.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// How often a client connects anew for one request that certainly was not sent.
const CONNECTS: usize = 20;

/// The query parameter that carries the number.
pub(crate) const NUMBER: &str = "n=";

/// Running clients.
pub(crate) struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

struct Shared {
    address: SocketAddr,
    goals: Vec<Goal>,
    stop: AtomicBool,
    sent: Mutex<Vec<Sent>>,
    /// Those that wait for an answer, and how to make them leave.
    under_way: Mutex<HashMap<u64, oneshot::Sender<()>>>,
}

impl Load {
    /// Starts clients, every second one with HTTP/2.
    pub fn start(address: SocketAddr, goals: &[Goal], clients: usize, rng: &mut Rng) -> Self {
        let shared = Arc::new(Shared {
            address,
            goals: goals.to_vec(),
            stop: AtomicBool::new(false),
            sent: Mutex::default(),
            under_way: Mutex::default(),
        });
        let clients = (0..clients).map(|n| {
            let (shared, rng) = (Arc::clone(&shared), rng.fork());
            let version = Version::BOTH[n % 2];
            tokio::spawn(client(shared, version, rng))
        });
        Self { clients: clients.collect(), shared }
    }

    /// How many requests are over.
    pub fn ended(&self) -> usize {
        lock(&self.shared.sent).len()
    }

    /// Looks at the requests that are over, from this one on.
    pub fn look<T>(&self, from: usize, look: impl FnOnce(&[Sent]) -> T) -> T {
        let sent = lock(&self.shared.sent);
        look(sent.get(from..).unwrap_or_default())
    }

    /// Waits until so many more requests are over.
    pub async fn more(&self, count: usize) {
        let goal = self.ended() + count;
        while self.ended() < goal {
            let alive = self.clients.iter().any(|client| !client.is_finished());
            assert!(alive, "no client is left");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Makes the clients of these requests leave.
    pub fn give_up(&self, numbers: &[u64]) {
        let mut under_way = lock(&self.shared.under_way);
        // Whoever has its answer by now does not listen.
        numbers.iter().filter_map(|n| under_way.remove(n)).for_each(drop);
    }

    /// Lets every client end its request; returns all requests.
    ///
    /// # Panics
    /// A client panicked.
    pub async fn stop(mut self) -> Vec<Sent> {
        self.shared.stop.store(true, Ordering::Relaxed);
        for client in std::mem::take(&mut self.clients) {
            client.await.expect("a client");
        }
        std::mem::take(&mut lock(&self.shared.sent))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.clients.iter().for_each(JoinHandle::abort);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One client: a connection for some requests, then another one.
async fn client(shared: Arc<Shared>, version: Version, mut rng: Rng) {
    let mut open: Option<(Client, u32)> = None;
    while !shared.stop.load(Ordering::Relaxed) {
        let request = Drawn::new(&shared.goals, &mut rng);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (leave, mut told_to_leave) = oneshot::channel();
        lock(&shared.under_way).insert(number, leave);
        let began = Instant::now();
        let mut outcome = None;
        for _ in 0..CONNECTS {
            let (mut connection, used) = match open.take() {
                Some(open) => open,
                None => (Client::connect(shared.address, version).await, 0),
            };
            let answered = tokio::select! {
                _ = &mut told_to_leave => Answered::Left,
                answered = ask(&mut connection, &request, number) => answered,
            };
            match answered {
                // The gateway closed the connection before, as it may.
                Answered::NotSent => continue,
                Answered::Left => outcome = Some(Outcome::GivenUp),
                Answered::Ended(ended) => {
                    let keep = matches!(ended, Outcome::Answered(_)) && used < request.keep;
                    open = keep.then_some((connection, used + 1));
                    outcome = Some(ended);
                }
            }
            break;
        }
        lock(&shared.under_way).remove(&number);
        let outcome = outcome.unwrap_or(Outcome::Broken(None));
        let failed = !matches!(&outcome, Outcome::Answered(told) if told.status == 200);
        let Drawn { goal: (pool, _), streamed, sha256, .. } = request;
        let ended = Instant::now();
        let sent = Sent { number, pool, version, streamed, sha256, began, ended, outcome };
        lock(&shared.sent).push(sent);
        // As a client does; and so a fault that fails all at once does not become a storm.
        let pause = if failed { 20 } else { rng.u64(0..4) };
        sleep(Duration::from_millis(pause)).await;
    }
}

enum Answered {
    /// It certainly did not leave this process.
    NotSent,
    Left,
    Ended(Outcome),
}

async fn ask(connection: &mut Client, request: &Drawn, number: u64) -> Answered {
    let response = match connection.start(request.call(number)).await {
        Ok(response) => response,
        Err(error) if error.is_canceled() || error.is_closed() => return Answered::NotSent,
        Err(_) => return Answered::Ended(Outcome::Broken(None)),
    };
    let head = Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: <_>::default(),
    };
    let told = Told::by(&head);
    let whole = Answer::read(response).await.is_ok_and(|answer| {
        // A stream that ends without its last event was cut, however politely.
        !(request.streamed && told.status == 200) || answer.body.ends_with(b"data: [DONE]\n\n")
    });
    Answered::Ended(if whole { Outcome::Answered(told) } else { Outcome::Broken(Some(told)) })
}

/// A request drawn at random.
struct Drawn {
    goal: Goal,
    streamed: bool,
    body: String,
    sha256: String,
    /// Whether the body comes in pieces of unknown sum.
    pieces: bool,
    /// Requests that a connection may have carried to be used once more.
    keep: u32,
}

impl Drawn {
    fn new(goals: &[Goal], rng: &mut Rng) -> Self {
        let goal = goals[rng.usize(..goals.len())];
        let streamed = rng.bool();
        let length = match rng.u8(0..10) {
            0 => rng.usize(64 << 10..256 << 10),
            1 | 2 => rng.usize(4 << 10..64 << 10),
            _ => rng.usize(1..2 << 10),
        };
        let body = json!({
            "model": goal.1, "prompt": "x \"y\" ".repeat(length / 6), "stream": streamed,
            "max_tokens": rng.u8(1..24), "ignore_eos": true,
        });
        let body = body.to_string();
        let sha256 = sha256(body.as_bytes());
        Self { goal, streamed, body, sha256, pieces: rng.u8(0..4) == 0, keep: rng.u32(0..40) }
    }

    fn call(&self, number: u64) -> Call {
        let call = Call::json(format!("/v1/completions?{NUMBER}{number}"), "");
        if self.pieces {
            let pieces = self.body.as_bytes().chunks(4 << 10).map(<[u8]>::to_vec);
            call.pieces(pieces.collect::<Vec<_>>(), &[])
        } else {
            call.body(self.body.clone())
        }
    }
}
