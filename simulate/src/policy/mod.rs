//! Ways to choose a server.
//!
//! A policy holds the state of all who choose: workers of gateway replicas, or a picker
//! beside them. It keeps apart what those would not share.

mod hashing;
mod oracle;
mod ours;
mod reference;
mod sglang;
mod simple;
mod tree;

pub use ours::{DIGEST_BLOCK_TOKENS, DIGEST_BLOCKS, Ours, Variant};

use crate::chance::Chance;
use crate::server::{Metrics, Server};
use crate::workload::Request;
use crate::{Micros, SECOND};

/// Who chooses: a worker of a gateway replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// The replica.
    pub replica: usize,
    /// The worker within it.
    pub worker: usize,
}

/// How many choose, and for how many.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Gateway replicas.
    pub replicas: usize,
    /// Workers of each.
    pub workers: usize,
    /// Servers.
    pub servers: usize,
}

impl Layout {
    fn seats(self) -> usize {
        self.replicas * self.workers
    }

    fn seat(self, seat: Seat) -> usize {
        seat.replica * self.workers + seat.worker
    }
}

/// Who scrapes, and how often.
#[derive(Debug, Clone, Copy)]
pub struct Scraping {
    /// How many scrape, each for itself.
    pub scrapers: usize,
    /// How often each asks every server.
    pub interval: Micros,
}

/// Between a scrape and its arrival: the way there and back, and reading the page.
pub const SCRAPE_DELAY: Micros = 4_000;

/// A way to choose.
pub trait Policy {
    /// Who scrapes; nobody if the policy needs no metrics.
    fn scraping(&self) -> Option<Scraping> {
        None
    }

    /// How often workers exchange what they know within their replica.
    fn tick(&self) -> Option<Micros> {
        None
    }

    /// What the scraper asked for at `at` is there.
    fn scraped(&mut self, _scraper: usize, _at: Micros, _metrics: &[Metrics]) {}

    /// Workers exchange what they know.
    fn ticked(&mut self, _now: Micros) {}

    /// Chooses a server, and takes note. `truth` is for the oracle alone.
    fn pick(
        &mut self,
        seat: Seat,
        request: &Request,
        now: Micros,
        truth: &[Server],
        chance: &mut Chance,
    ) -> usize;

    /// The first byte of the answer passed.
    fn first_byte(&mut self, _seat: Seat, _request: u64, _server: usize, _now: Micros) {}

    /// The request is over.
    fn done(&mut self, _seat: Seat, _request: u64, _server: usize, _now: Micros) {}
}

/// The policies of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Any server.
    Random,
    /// One after the other, each worker for itself.
    RoundRobin,
    /// The least in flight, by the worker's own count.
    LeastRequest,
    /// The one of two with less in flight, by the worker's own count.
    PowerOfTwo,
    /// GIE v0.x: filters in a tree.
    DecisionTree,
    /// Consistent hashing with bounded load, as KubeAI describes it.
    Chwbl,
    /// The cache-aware router that SGLang describes.
    CacheAware,
    /// GIE v1.5, a picker for each gateway replica.
    Reference,
    /// GIE v1.5, one picker for all gateway replicas.
    ReferenceCentral,
    /// This project's, in one of its forms.
    Ours(Variant),
    /// Knows every cache and queue.
    Oracle,
}

impl Kind {
    /// Those of the tables.
    pub const ALL: [Self; 12] = [
        Self::Random,
        Self::RoundRobin,
        Self::LeastRequest,
        Self::PowerOfTwo,
        Self::DecisionTree,
        Self::Chwbl,
        Self::CacheAware,
        Self::Reference,
        Self::ReferenceCentral,
        Self::Ours(Variant::NoPrefix),
        Self::Ours(Variant::Recommended),
        Self::Oracle,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::RoundRobin => "round robin",
            Self::LeastRequest => "least request",
            Self::PowerOfTwo => "power of two",
            Self::DecisionTree => "decision tree (GIE v0.x)",
            Self::Chwbl => "bounded-load hashing (KubeAI)",
            Self::CacheAware => "cache-aware (SGLang)",
            Self::Reference => "reference, a picker per replica",
            Self::ReferenceCentral => "reference, one picker",
            Self::Ours(variant) => variant.name(),
            Self::Oracle => "oracle",
        }
    }

    /// Its state at the start of a run.
    #[must_use]
    pub fn build(self, layout: Layout, seed: u64) -> Box<dyn Policy> {
        match self {
            Self::Random => Box::new(simple::Simple::new(layout, simple::Rule::Random)),
            Self::RoundRobin => Box::new(simple::Simple::new(layout, simple::Rule::RoundRobin)),
            Self::LeastRequest => Box::new(simple::Simple::new(layout, simple::Rule::Least)),
            Self::PowerOfTwo => Box::new(simple::Simple::new(layout, simple::Rule::OfTwo)),
            Self::DecisionTree => Box::new(tree::Tree::new(layout)),
            Self::Chwbl => Box::new(hashing::Ring::new(layout)),
            Self::CacheAware => Box::new(sglang::CacheAware::new(layout)),
            Self::Reference => Box::new(reference::Reference::new(layout, layout.replicas)),
            Self::ReferenceCentral => Box::new(reference::Reference::new(layout, 1)),
            Self::Ours(variant) => Box::new(Ours::new(layout, variant, seed)),
            Self::Oracle => Box::new(oracle::Oracle),
        }
    }
}

/// The reference asks every server this often.
const REFERENCE_INTERVAL: Micros = SECOND / 20;

/// Index of the best by score, ties at random.
fn best(scores: impl Iterator<Item = f64>, chance: &mut Chance) -> usize {
    let (mut best, mut place, mut ties) = (f64::NEG_INFINITY, 0, 0);
    for (n, score) in scores.enumerate() {
        if score > best {
            (best, place, ties) = (score, n, 1);
        } else if score == best {
            ties += 1;
            if chance.below(ties) == 0 {
                place = n;
            }
        }
    }
    place
}
