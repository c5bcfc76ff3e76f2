//! The event loop.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::chance::{Chance, mix};
use crate::figures::{Run, Sample};
use crate::policy::{Kind, Layout, SCRAPE_DELAY, Seat};
use crate::server::{Hardware, Metrics, Server};
use crate::workload::{Request, Session, Workload};
use crate::{Micros, SECOND};

/// What is run.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The workload.
    pub workload: Workload,
    /// The policy.
    pub policy: Kind,
    /// Load relative to the workload's.
    pub load: f64,
    /// Gateways and servers.
    pub layout: Layout,
    /// The seed.
    pub seed: u64,
}

/// Requests sent before this only fill the caches.
pub const WARM_UP: Micros = 40 * SECOND;
/// No session starts later.
pub const HORIZON: Micros = 100 * SECOND;
/// Whatever is not over by then counts as if it were.
const PATIENCE: Micros = 250 * SECOND;

#[derive(Debug)]
enum Event {
    Send { session: usize, turn: usize },
    StepEnds { server: usize },
    Scrape { scraper: usize },
    Scraped { scraper: usize, at: Micros, metrics: Vec<Metrics> },
    Tick,
}

struct Entry(Micros, u64, Event);

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

#[derive(Default)]
struct Agenda {
    heap: BinaryHeap<Reverse<Entry>>,
    created: u64,
}

impl Agenda {
    fn add(&mut self, at: Micros, event: Event) {
        self.created += 1;
        self.heap.push(Reverse(Entry(at, self.created, event)));
    }
}

/// Where a request is.
#[derive(Debug, Clone, Copy)]
struct Way {
    seat: Seat,
    server: usize,
    sent: Micros,
    session: usize,
    first_token: Option<Micros>,
    counts: bool,
    over: bool,
}

/// Runs one setting.
#[must_use]
pub fn run(setting: &Setting) -> Run {
    let Setting { workload, policy, load, layout, seed } = *setting;
    let sessions = workload.sessions(seed, load * layout.servers as f64 / 8.0, HORIZON);
    let mut policy = policy.build(layout, seed);
    let mut chance = Chance::new(seed, 77);
    let mut agenda = Agenda::default();
    for (session, first) in sessions.iter().enumerate() {
        agenda.add(first.start, Event::Send { session, turn: 0 });
    }
    let scraping = policy.scraping();
    for scraper in 0..scraping.map_or(0, |scraping| scraping.scrapers) {
        // Replicas did not start at the same moment.
        let phase = scraping.map_or(0, |s| mix(seed, scraper as u64) % s.interval);
        agenda.add(phase, Event::Scrape { scraper });
    }
    if policy.tick().is_some() {
        agenda.add(0, Event::Tick);
    }
    let mut servers: Vec<_> = (0..layout.servers)
        .map(|n| {
            let mut hardware = Hardware::a100_8b();
            if workload == Workload::MixedCaches && n % 2 == 1 {
                hardware.blocks /= 3;
            }
            Server::new(hardware)
        })
        .collect();
    let mut busy = vec![false; layout.servers];
    let mut ways: Vec<Way> = Vec::new();
    let mut left = sessions.iter().map(|session| session.turns.len()).sum::<usize>();
    let mut run = Run::default();
    let mut warm: Option<(u64, u64)> = None;

    while let Some(Reverse(Entry(now, _, event))) = agenda.heap.pop() {
        if now > PATIENCE || left == 0 {
            break;
        }
        if now >= WARM_UP && warm.is_none() {
            warm = Some(totals(&servers));
        }
        match event {
            Event::Scrape { scraper } => {
                let metrics = servers.iter().map(Server::metrics).collect();
                agenda.add(now + SCRAPE_DELAY, Event::Scraped { scraper, at: now, metrics });
                let interval = scraping.map_or(SECOND, |scraping| scraping.interval);
                agenda.add(now + interval, Event::Scrape { scraper });
            }
            Event::Scraped { scraper, at, metrics } => policy.scraped(scraper, at, &metrics),
            Event::Tick => {
                policy.ticked(now);
                agenda.add(now + policy.tick().unwrap_or(SECOND), Event::Tick);
            }
            Event::Send { session, turn } => {
                let Some(request) = request(&sessions, session, turn, ways.len()) else { continue };
                // Which gateway a client reaches is chance, for each request anew.
                let seat = Seat {
                    replica: chance.below(layout.replicas),
                    worker: chance.below(layout.workers),
                };
                let server = policy.pick(seat, &request, now, &servers, &mut chance);
                let counts = (WARM_UP..HORIZON).contains(&now);
                let over = false;
                ways.push(Way {
                    seat,
                    server,
                    sent: now,
                    session,
                    first_token: None,
                    counts,
                    over,
                });
                if let Some(chosen) = servers.get_mut(server) {
                    chosen.submit(request);
                }
                plan(&mut servers, &mut busy, server, now, &mut agenda);
            }
            Event::StepEnds { server } => {
                let Some(stepped) = servers.get_mut(server).map(|s| s.finish_step(now)) else {
                    continue;
                };
                for id in stepped.first_tokens {
                    if let Some(way) = ways.get_mut(id as usize) {
                        way.first_token = Some(now);
                        policy.first_byte(way.seat, id, server, now);
                    }
                }
                for done in stepped.done {
                    let request = done.request;
                    let Some(way) = ways.get_mut(request.id as usize) else { continue };
                    way.over = true;
                    left -= 1;
                    policy.done(way.seat, request.id, server, now);
                    if way.counts {
                        run.samples.push(Sample {
                            ttft: done.first_token - way.sent,
                            total: now - way.sent,
                            output_tokens: request.output_tokens,
                            server,
                        });
                    }
                    let next =
                        sessions.get(request.session).and_then(|s| s.turns.get(request.turn + 1));
                    if let Some(next) = next {
                        let (session, turn) = (request.session, request.turn + 1);
                        agenda.add(now + next.pause, Event::Send { session, turn });
                    }
                }
                if let Some(busy) = busy.get_mut(server) {
                    *busy = false;
                }
                plan(&mut servers, &mut busy, server, now, &mut agenda);
            }
        }
    }
    for way in ways.iter().filter(|way| way.counts && !way.over) {
        // Not over: it took at least this long.
        let ttft = way.first_token.unwrap_or(PATIENCE).saturating_sub(way.sent);
        let total = PATIENCE - way.sent;
        let _ = way.session;
        run.samples.push(Sample { ttft, total, output_tokens: 0, server: way.server });
    }
    let (prompt, cached) = totals(&servers);
    let (warm_prompt, warm_cached) = warm.unwrap_or_default();
    run.prompt_tokens = prompt - warm_prompt;
    run.cached_tokens = cached - warm_cached;
    run.adapter_loads = servers.iter().map(Server::adapter_loads).sum();
    run.preemptions = servers.iter().map(|server| server.preemptions).sum();
    run.servers = layout.servers;
    run
}

fn totals(servers: &[Server]) -> (u64, u64) {
    let prompt = servers.iter().map(|server| server.prompt_tokens).sum();
    (prompt, servers.iter().map(|server| server.cached_tokens).sum())
}

fn request(sessions: &[Session], session: usize, turn: usize, id: usize) -> Option<Request> {
    let of = sessions.get(session)?;
    let this = of.turns.get(turn)?;
    Some(Request {
        id: id as u64,
        session,
        turn,
        chain: of.chain.clone(),
        prompt_tokens: this.prompt_tokens,
        output_tokens: this.output_tokens,
        adapter: of.adapter,
    })
}

fn plan(servers: &mut [Server], busy: &mut [bool], n: usize, now: Micros, agenda: &mut Agenda) {
    let (Some(server), Some(busy)) = (servers.get_mut(n), busy.get_mut(n)) else { return };
    if *busy {
        return;
    }
    if let Some(time) = server.plan() {
        *busy = true;
        agenda.add(now + time.max(1), Event::StepEnds { server: n });
    }
}
