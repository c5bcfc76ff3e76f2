//! The event loop.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::chance::{Chance, mix};
use crate::figures::{Run, Sample};
use crate::policy::{Kind, Layout, Policy, SCRAPE_DELAY, Seat};
use crate::server::{Counts, Hardware, Metrics, Model, Server};
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

/// When what counts.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Requests sent before this only fill the caches.
    pub warm_up: Micros,
    /// Nor do requests sent later.
    pub horizon: Micros,
    /// Whatever is not over by then counts as if it were.
    pub patience: Micros,
}

impl Span {
    /// Of the report's tables.
    pub const TABLES: Self = Self { warm_up: WARM_UP, horizon: HORIZON, patience: 250 * SECOND };
}

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
    prompt_tokens: u32,
    cached_tokens: u32,
    first_token: Option<Micros>,
    counts: bool,
    over: bool,
}

/// Runs one setting.
#[must_use]
pub fn run(setting: &Setting) -> Run {
    let Setting { workload, policy, load, layout, seed } = *setting;
    let sessions = workload.sessions(seed, load * layout.servers as f64 / 8.0, HORIZON);
    let servers = (0..layout.servers).map(|n| {
        let mut hardware = Hardware::a100_8b();
        if workload == Workload::MixedCaches && n % 2 == 1 {
            hardware.blocks /= 3;
        }
        Server::new(hardware)
    });
    let policy = policy.build(layout, seed);
    play(&sessions, policy, layout, servers.collect(), Span::TABLES, seed)
}

/// Lets these sessions meet these servers.
#[must_use]
pub fn play<M: Model>(
    sessions: &[Session],
    mut policy: Box<dyn Policy>,
    layout: Layout,
    mut servers: Vec<M>,
    span: Span,
    seed: u64,
) -> Run {
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
    let mut ways: Vec<Way> = Vec::new();
    let mut left = sessions.iter().map(|session| session.turns.len()).sum::<usize>();
    let mut run = Run { servers: servers.len(), ..Run::default() };
    let mut warm: Option<Counts> = None;

    while let Some(Reverse(Entry(now, _, event))) = agenda.heap.pop() {
        if now > span.patience || left == 0 {
            break;
        }
        if now >= span.warm_up && warm.is_none() {
            warm = Some(totals(&servers));
        }
        match event {
            Event::Scrape { scraper } => {
                let metrics = servers.iter().map(Model::metrics).collect();
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
                let Some(request) = request(sessions, session, turn, ways.len()) else { continue };
                // Which gateway a client reaches is chance, for each request anew.
                let seat = Seat {
                    replica: chance.below(layout.replicas),
                    worker: chance.below(layout.workers),
                };
                let server = policy.pick(seat, &request, now, M::truth(&servers), &mut chance);
                ways.push(Way {
                    seat,
                    server,
                    sent: now,
                    prompt_tokens: request.prompt_tokens,
                    cached_tokens: 0,
                    first_token: None,
                    counts: (span.warm_up..span.horizon).contains(&now),
                    over: false,
                });
                if let Some(chosen) = servers.get_mut(server) {
                    chosen.submit(now, request);
                }
                plan(&mut servers, server, now, &mut agenda);
            }
            Event::StepEnds { server } => {
                let Some(stepped) = servers.get_mut(server).map(|s| s.step(now)) else {
                    continue;
                };
                for (id, cached_tokens) in stepped.started {
                    if let Some(way) = ways.get_mut(id as usize) {
                        way.cached_tokens = cached_tokens;
                    }
                }
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
                            prompt_tokens: request.prompt_tokens,
                            cached_tokens: way.cached_tokens,
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
                plan(&mut servers, server, now, &mut agenda);
            }
        }
    }
    for way in ways.iter().filter(|way| way.counts && !way.over) {
        // Not over: it took at least this long.
        let Way { sent, server, prompt_tokens, cached_tokens, .. } = *way;
        let ttft = way.first_token.unwrap_or(span.patience).saturating_sub(sent);
        let total = span.patience - sent;
        let output_tokens = 0;
        run.samples.push(Sample {
            ttft,
            total,
            prompt_tokens,
            cached_tokens,
            output_tokens,
            server,
        });
    }
    let (all, warm) = (totals(&servers), warm.unwrap_or_default());
    run.prompt_tokens = all.prompt_tokens - warm.prompt_tokens;
    run.cached_tokens = all.cached_tokens - warm.cached_tokens;
    run.adapter_loads = all.adapter_loads;
    run.preemptions = all.preemptions;
    run
}

fn totals<M: Model>(servers: &[M]) -> Counts {
    servers.iter().map(Model::counts).fold(Counts::default(), |sum, of| Counts {
        prompt_tokens: sum.prompt_tokens + of.prompt_tokens,
        cached_tokens: sum.cached_tokens + of.cached_tokens,
        adapter_loads: sum.adapter_loads + of.adapter_loads,
        preemptions: sum.preemptions + of.preemptions,
    })
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

fn plan<M: Model>(servers: &mut [M], n: usize, now: Micros, agenda: &mut Agenda) {
    if let Some(time) = servers.get_mut(n).and_then(|server| server.plan(now)) {
        agenda.add(now + time, Event::StepEnds { server: n });
    }
}
