//! The model servers, which can be killed and started again, and what they saw.
//!
//! Invariant: no request that a server saw is missing in the record, the killed ones'
//! included; that the servers remember only so many is checked, not hoped.

use crate::load::NUMBER;
use simulator::{Config, Server, Stage};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Between two looks at the servers' lists.
const COLLECT: Duration = Duration::from_millis(100);

/// What a model server saw of a request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub server: String,
    pub stage: Stage,
    /// SHA-256 of its body; none if that did not arrive whole.
    pub sha256: Option<String>,
}

/// What all servers saw, by the numbers of requests.
pub(crate) type Record = HashMap<u64, Vec<Seen>>;

/// The model servers.
pub(crate) struct Fleet {
    members: Arc<Mutex<Vec<Member>>>,
    collector: JoinHandle<()>,
}

struct Member {
    server: Server,
    alive: bool,
    /// By the server's own ids.
    seen: HashMap<u64, (u64, Seen)>,
    /// The next id that the server will give.
    next: u64,
}

impl Fleet {
    /// Watches these servers.
    pub fn new(servers: Vec<Server>) -> Self {
        let members: Vec<_> = servers.into_iter().map(Member::new).collect();
        let members = Arc::new(Mutex::new(members));
        let watched = Arc::clone(&members);
        let collector = tokio::spawn(async move {
            loop {
                lock(&watched).iter_mut().for_each(Member::collect);
                tokio::time::sleep(COLLECT).await;
            }
        });
        Self { members, collector }
    }

    /// The names of a pool's living servers.
    pub fn names(&self, pool: &str) -> Vec<String> {
        let members = lock(&self.members);
        let alive = members.iter().filter(|member| member.alive);
        let names = alive.map(|member| member.server.name());
        names.filter(|name| name.starts_with(pool)).map(str::to_owned).collect()
    }

    /// Where a living server listens.
    pub fn address(&self, name: &str) -> SocketAddr {
        self.with(name, Server::addr)
    }

    /// Does something with a living server.
    pub fn with<T>(&self, name: &str, f: impl FnOnce(&Server) -> T) -> T {
        let members = lock(&self.members);
        let mut alive = members.iter().filter(|member| member.alive);
        f(&alive.find(|member| member.server.name() == name).expect("a living server").server)
    }

    /// Kills a server; what it takes to start it again.
    pub async fn kill(&self, name: &str) -> Config {
        let mut member = {
            let mut members = lock(&self.members);
            let place = members.iter().position(|m| m.alive && m.server.name() == name);
            members.remove(place.expect("a living server"))
        };
        let config = Config { listen: member.server.addr(), ..member.server.config().clone() };
        member.server.kill().await;
        member.alive = false;
        lock(&self.members).push(member);
        config
    }

    /// Starts a server.
    pub async fn start(&self, config: Config) {
        let server = Server::start(config).await.expect("the port is free again");
        lock(&self.members).push(Member::new(server));
    }

    /// The numbers of the requests that a server has begun and not ended.
    pub fn at(&self, name: &str) -> Vec<u64> {
        let requests = self.with(name, Server::requests);
        let open = requests.iter().filter(|r| r.stage == Stage::Answering);
        open.filter_map(|r| number(&r.path)).collect()
    }

    /// How many requests are at a server, whatever becomes of them.
    pub fn busy(&self) -> usize {
        let members = lock(&self.members);
        let of = |server: &Server| {
            let open = |stage| matches!(stage, Stage::Answering | Stage::Uploading);
            server.requests().iter().filter(|r| open(r.stage)).count()
        };
        members.iter().filter(|member| member.alive).map(|member| of(&member.server)).sum()
    }

    /// All that was seen so far.
    pub fn record(&self) -> Record {
        let mut record = Record::new();
        for member in lock(&self.members).iter_mut() {
            member.collect();
            for (number, seen) in member.seen.values() {
                record.entry(*number).or_default().push(seen.clone());
            }
        }
        record
    }

    /// Forgets what is over.
    pub fn forget(&self) {
        let mut members = lock(&self.members);
        members.retain(|member| member.alive);
        members.iter_mut().for_each(|member| member.seen.clear());
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.collector.abort();
    }
}

impl Member {
    fn new(server: Server) -> Self {
        Self { server, alive: true, seen: HashMap::new(), next: 0 }
    }

    fn collect(&mut self) {
        let requests = self.server.requests();
        let (Some(first), Some(last)) = (requests.first(), requests.last()) else { return };
        assert!(first.id <= self.next, "{} forgot requests", self.server.name());
        self.next = last.id + 1;
        for request in requests {
            let Some(number) = number(&request.path) else { continue };
            let seen = Seen {
                server: self.server.name().to_owned(),
                stage: request.stage,
                sha256: request.body_sha256,
            };
            self.seen.insert(request.id, (number, seen));
        }
    }
}

fn number(path: &str) -> Option<u64> {
    path.split_once(NUMBER)?.1.parse().ok()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
