//! One choice.

use super::adapters::AdapterKey;
use super::endpoint::Endpoint;
use super::field::{Candidates, Field};
use super::float::{LANES, largest};
use super::pool::Pool;
use super::prefix::{Prefixes, Prompt};
use super::profile::{Profile, Weighted};
use super::scorer::{Context, Seen};
use super::scoring::prompt_score;
use crate::pools::{EndpointId, Millis};
use crate::random::Random;

/// The most endpoints that one pick can name.
pub const MAX_RANKED: usize = 8;

/// What a choice is made for.
#[derive(Debug, Clone, Copy, Default)]
pub struct PickRequest<'a> {
    /// The adapter asked for; none for a base model.
    pub adapter: Option<AdapterKey>,
    /// The only endpoints allowed; none for all.
    pub subset: Option<&'a [EndpointId]>,
    /// The endpoint that the client's session token names.
    pub session: Option<EndpointId>,
    /// Its prompt, if somebody digested it.
    pub prompt: Option<Prompt<'a>>,
}

/// A choice: places in the pool, best first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pick {
    ranked: [Choice; MAX_RANKED],
    len: usize,
    /// What decided.
    pub why: Why,
    /// The mean saturation of the candidates; 1 and above is saturated.
    pub saturation: f32,
    /// What the scorers went by; none if scores did not decide.
    context: Option<Context>,
    /// The least work among the candidates, if the prompt was looked at.
    least: Option<f32>,
}

/// An endpoint and its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// Its place in the pool.
    pub place: usize,
    /// Its score: the sum of weight times score, less its trouble.
    pub score: f32,
    /// Decides between equal scores.
    tie: u64,
}

/// What decided a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The scores.
    Scores,
    /// No metrics were fresh: the one of two at random with less in flight.
    NoFreshMetrics,
    /// Nothing was ready: any endpoint, as the pool fails open.
    NothingReady,
}

/// No endpoint may be picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoEndpoint {
    /// The pool is empty.
    #[error("the pool has no endpoint")]
    EmptyPool,
    /// The subset names none of the pool's endpoints.
    #[error("no endpoint of the pool is in the requested subset")]
    EmptySubset,
    /// None is ready.
    #[error("no endpoint of the pool is ready")]
    NoneReady,
}

impl Pick {
    /// The chosen endpoints, best first; at least one.
    #[must_use]
    pub fn ranked(&self) -> &[Choice] {
        self.ranked.get(..self.len).unwrap_or_default()
    }

    fn new(why: Why, saturation: f32) -> Self {
        let nothing = Choice { place: 0, score: 0.0, tie: 0 };
        Self { ranked: [nothing; MAX_RANKED], len: 0, why, saturation, context: None, least: None }
    }

    /// Below this score a candidate is behind the best `limit`, whatever its tie.
    fn bar(&self, limit: usize) -> f32 {
        let last = limit.clamp(1, MAX_RANKED).saturating_sub(1);
        self.ranked().get(last).map_or(f32::NEG_INFINITY, |last| last.score)
    }

    /// Puts a candidate in its place, if it is among the best `limit`.
    fn rank(&mut self, choice: Choice, limit: usize) {
        let limit = limit.clamp(1, MAX_RANKED);
        let better = |a: &Choice, b: &Choice| (a.score, a.tie) > (b.score, b.tie);
        let place =
            self.ranked().iter().position(|known| better(&choice, known)).unwrap_or(self.len);
        if place >= limit {
            return;
        }
        self.len = self.len.saturating_add(1).min(limit);
        if let Some(behind) = self.ranked.get_mut(place..self.len) {
            behind.rotate_right(1);
            if let Some(slot) = behind.first_mut() {
                *slot = choice;
            }
        }
    }
}

impl Pool {
    /// Chooses. The choice is not counted; [`Pool::start`] does that.
    ///
    /// # Errors
    /// No endpoint may be picked; see [`NoEndpoint`].
    pub fn pick(
        &mut self,
        request: &PickRequest<'_>,
        profile: &Profile,
        now: Millis,
        random: &mut Random,
    ) -> Result<Pick, NoEndpoint> {
        if self.endpoints().is_empty() {
            return Err(NoEndpoint::EmptyPool);
        }
        let mut candidates = std::mem::take(&mut self.scratch);
        let mut prefixes = None;
        if request.prompt.is_some() && profile.wants_prompt() {
            prefixes = Some(self.prefixes.take().unwrap_or_default());
        }
        let told = prefixes.as_deref_mut();
        let picked = self.choose(&mut candidates, told, request, profile, now, random);
        self.scratch = candidates;
        if prefixes.is_some() {
            self.prefixes = prefixes;
        }
        picked
    }

    /// Chooses among all endpoints of the request's subset, ready or not: for pools
    /// that fail open.
    ///
    /// # Errors
    /// The pool is empty, or the subset names none of it.
    pub fn pick_any(
        &self,
        request: &PickRequest<'_>,
        profile: &Profile,
        random: &mut Random,
    ) -> Result<Pick, NoEndpoint> {
        if self.endpoints().is_empty() {
            return Err(NoEndpoint::EmptyPool);
        }
        let mut pick = Pick::new(Why::NothingReady, 1.0);
        let rank = |place| {
            pick.rank(Choice { place, score: 0.0, tie: random.next_u64() }, profile.ranked);
        };
        match request.subset {
            None => (0..self.endpoints().len()).for_each(rank),
            Some(subset) => self.places(subset).into_iter().for_each(rank),
        }
        if pick.len == 0 { Err(NoEndpoint::EmptySubset) } else { Ok(pick) }
    }
}

/// What made a candidate's score.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// What each of the profile's scorers gave, 0 to 1, in their order; empty where scores
    /// did not decide.
    pub parts: Vec<f32>,
    /// What its recent failures took away, 0 to 1.
    pub trouble: f32,
}

impl Pool {
    /// What made the score of one choice of a pick. To be asked before anything of the pool
    /// changes; only what is looked at pays for it.
    #[must_use]
    pub fn made(&self, pick: &Pick, choice: &Choice, profile: &Profile) -> Option<Made> {
        let (row, endpoint) = self.at(choice.place)?;
        let Some(context) = &pick.context else {
            return Some(Made { parts: Vec::new(), trouble: 0.0 });
        };
        let fading = profile.staleness.fading();
        let trust = fading.trust(row.seen_at, context.now);
        let seen = Seen { endpoint, row, load: row.load(trust), trust };
        let told = pick.least.zip(self.prefixes.as_deref());
        let parts = profile.scorers.iter().map(|&Weighted { scorer, .. }| {
            let of_prompt =
                told.and_then(|(least, known)| prompt_score(scorer, known, choice.place, least));
            of_prompt.unwrap_or_else(|| scorer.score(seen, context))
        });
        let trouble = endpoint.trouble.level(context.now, profile.trouble_half_life);
        Some(Made { parts: parts.collect(), trouble })
    }
}

impl Pool {
    fn choose(
        &self,
        candidates: &mut Candidates,
        prefixes: Option<&mut Prefixes>,
        request: &PickRequest<'_>,
        profile: &Profile,
        now: Millis,
        random: &mut Random,
    ) -> Result<Pick, NoEndpoint> {
        let field = self.gather(candidates, request, profile, now);
        let Field { context, allowed, trusted, troubled, saturation } = field;
        if candidates.places.is_empty() {
            return Err(if allowed { NoEndpoint::NoneReady } else { NoEndpoint::EmptySubset });
        }
        let endpoints = self.endpoints();
        if !trusted {
            let places = &candidates.places;
            return Ok(least_of_two(endpoints, places, profile, saturation, now, random));
        }
        self.score(candidates, profile, &context, request.prompt.is_some());
        let mut least = None;
        if let (Some(prefixes), Some(prompt)) = (prefixes, &request.prompt) {
            least = Some(self.score_prompt(candidates, prefixes, profile, &context, prompt));
        }
        if troubled {
            self.discount(candidates, profile, &context);
        }
        let mut pick = Pick { context: Some(context), least, ..Pick::new(Why::Scores, saturation) };
        let mut bar = f32::NEG_INFINITY;
        let Candidates { places, score, .. } = candidates;
        for (places, scores) in places.chunks(LANES).zip(score.chunks(LANES)) {
            // Most have nobody who is good enough.
            if largest(scores) < bar {
                continue;
            }
            for (&place, &score) in places.iter().zip(scores) {
                if score >= bar {
                    let tie = random.next_u64();
                    pick.rank(Choice { place, score, tie }, profile.ranked);
                    bar = pick.bar(profile.ranked);
                }
            }
        }
        Ok(pick)
    }
}

/// The one of two random candidates with less in flight and less trouble; the
/// others follow by chance, for retries.
fn least_of_two(
    endpoints: &[Endpoint],
    places: &[usize],
    profile: &Profile,
    saturation: f32,
    now: Millis,
    random: &mut Random,
) -> Pick {
    let mut pick = Pick::new(Why::NoFreshMetrics, saturation);
    let first = random.below(places.len());
    let second = match random.below(places.len().saturating_sub(1)) {
        other if other >= first => other.saturating_add(1),
        other => other,
    };
    for (n, &place) in places.iter().enumerate() {
        let Some(endpoint) = endpoints.get(place) else { continue };
        // The two drawn come before all others: their scores are above -1.
        let drawn = n == first || n == second;
        let trouble = endpoint.trouble.level(now, profile.trouble_half_life);
        let busy = endpoint.total_in_flight() as f32 * (1.0 + trouble) + trouble;
        let score = if drawn { 1.0 / (1.0 + busy) } else { -1.0 - trouble };
        pick.rank(Choice { place, score, tie: random.next_u64() }, profile.ranked);
    }
    pick
}
