//! One worker's book of what it chose and what came of it.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::decision::{Decision, MOST_DECISIONS, cut};
use super::minute::Minute;
use super::report::{EndpointReport, PoolReport, ScrapeTrouble};
use crate::inserted;
use crate::pools::{EndpointId, Millis};

/// One worker's book.
#[derive(Debug)]
pub struct Recorder {
    pools: Vec<PoolBook>,
    decisions: VecDeque<Decision>,
}

#[derive(Debug, Default)]
struct PoolBook {
    endpoints: BTreeMap<EndpointId, Minute>,
    outcomes: BTreeMap<Cow<'static, str>, u64>,
    scrapes: Vec<ScrapeTrouble>,
}

/// The most endpoints of a pool that are written down.
const MOST_ENDPOINTS: usize = 4_096;

impl Recorder {
    /// An empty book for so many pools.
    #[must_use]
    pub fn new(pools: usize) -> Self {
        let pools = (0..pools).map(|_| PoolBook::default()).collect();
        Self { pools, decisions: VecDeque::with_capacity(MOST_DECISIONS) }
    }

    /// A choice was made, or a request was refused.
    pub fn decided(&mut self, mut decision: Decision) {
        for name in [&mut decision.model, &mut decision.objective] {
            *name = name.take().map(|name| cut(&name));
        }
        if let Some(pool) = self.pools.get_mut(decision.pool) {
            pool.count(decision.outcome.clone());
            if let Some(first) = decision.candidates.first() {
                pool.minute(first.endpoint, decision.at, |minute, now| {
                    minute.count(now, |tally| tally.picks = tally.picks.saturating_add(1));
                });
            }
        }
        if self.decisions.len() >= MOST_DECISIONS {
            self.decisions.pop_front();
        }
        self.decisions.push_back(decision);
    }

    /// A request passed without a choice.
    pub fn passed(&mut self, pool: usize, outcome: &'static str) {
        self.pools.get_mut(pool).into_iter().for_each(|pool| pool.count(outcome.into()));
    }

    /// An endpoint answered after this time, or failed.
    pub fn answered(
        &mut self,
        pool: usize,
        endpoint: EndpointId,
        outcome: Result<Duration, Failed>,
        now: Millis,
    ) {
        let Some(pool) = self.pools.get_mut(pool) else { return };
        pool.minute(endpoint, now, |minute, now| {
            minute.count(now, |tally| {
                tally.answers = tally.answers.saturating_add(1);
                match outcome {
                    Ok(took) => tally.first_byte.add(took),
                    Err(Failed) => tally.failures = tally.failures.saturating_add(1),
                }
            });
        });
    }

    /// Takes down whose scrapes fail; none in a VM that does not scrape.
    pub fn scraped(&mut self, pool: usize, trouble: Vec<ScrapeTrouble>) {
        if let Some(pool) = self.pools.get_mut(pool) {
            pool.scrapes = trouble;
        }
    }

    /// The latest choices, oldest first.
    pub fn decisions(&self) -> impl Iterator<Item = &Decision> {
        self.decisions.iter()
    }

    /// What is to be told of the pool at this place.
    pub fn pool(&mut self, place: usize, now: Millis) -> PoolReport {
        let Some(pool) = self.pools.get_mut(place) else { return PoolReport::default() };
        let mut endpoints = Vec::with_capacity(pool.endpoints.len());
        // Endpoints without a minute worth telling cost no memory either.
        pool.endpoints.retain(|&id, minute| {
            let tally = minute.sum(now);
            let is_worth = tally.is_some();
            endpoints.extend(tally.map(|tally| EndpointReport { id, tally, remembered: vec![] }));
            is_worth
        });
        let outcomes = inserted(pool.outcomes.iter().map(|(name, count)| (name.clone(), *count)));
        PoolReport { endpoints, outcomes, scrapes: pool.scrapes.clone() }
    }
}

/// The endpoint failed: no connection, a reset, or a 5xx.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed;

impl PoolBook {
    fn count(&mut self, outcome: Cow<'static, str>) {
        let count = self.outcomes.entry(outcome).or_default();
        *count = count.saturating_add(1);
    }

    fn minute(&mut self, id: EndpointId, now: Millis, change: impl FnOnce(&mut Minute, Millis)) {
        if self.endpoints.len() < MOST_ENDPOINTS || self.endpoints.contains_key(&id) {
            change(self.endpoints.entry(id).or_default(), now);
        }
    }
}
