//! What is chosen for a request, and how it is told.

use std::fmt::Write;

use shared::picker::{Admission, PoolSettings};
use shared::pools::{EndpointId, Millis};
use shared::prompt::RequestFacts;
use shared::random::Random;
use shared::scheduling::{Choice, Made, NoEndpoint, Pick, Pool, Profile, Why};
use shared::status::Candidate;

use super::asked::Asked;
use super::refusal::Refusal;
use crate::metrics::Outcome;
use crate::vm::Vm;

/// What was chosen.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) first: EndpointId,
    /// The endpoints, best first, as Envoy's `override_host` policy reads them.
    pub(super) destination: String,
    pub(super) outcome: Outcome,
    /// The first one's.
    pub(super) score: f32,
    /// The pool's.
    pub(super) saturation: f32,
    /// The endpoints with what made their scores, if that was asked for.
    pub(super) candidates: Vec<Candidate>,
}

impl Chosen {
    /// Chooses within a pool of which something is known.
    pub(super) fn from(
        pool: &mut Pool,
        settings: &PoolSettings,
        asked: &Asked,
        parts: bool,
        now: Millis,
        random: &mut Random,
    ) -> Result<Self, Refusal> {
        let (request, profile) = (asked.pick(), &settings.profile);
        let pick = match pool.pick(&request, profile, now, random) {
            Err(NoEndpoint::NoneReady) if settings.fail_open => {
                pool.pick_any(&request, profile, random)
            }
            pick => pick,
        }
        .map_err(Refusal::NoEndpoint)?;
        if asked.priority.admit(pick.saturation) == Admission::Shed {
            return Err(Refusal::Shed);
        }
        let ranked = pick.ranked();
        let best = ranked.first().and_then(|best| Some((best, pool.endpoints().get(best.place)?)));
        let (best, endpoint) = best.ok_or(Refusal::NoEndpoint(NoEndpoint::EmptyPool))?;
        let mut destination = String::with_capacity(ranked.len().saturating_mul(24));
        append(&mut destination, pool, &pick);
        let outcome = match pick.why {
            Why::Scores => Outcome::Picked,
            Why::NoFreshMetrics => Outcome::PickedBlind,
            Why::NothingReady => Outcome::FailedOpen,
        };
        let (first, score, saturation) = (endpoint.id, best.score, pick.saturation);
        let candidates = if parts { candidates(pool, &pick, profile) } else { Vec::new() };
        Ok(Self { first, destination, outcome, score, saturation, candidates })
    }

    /// Names the best endpoints of the pools that a retry may go to behind the others.
    /// Envoy's filters do not run again for a retry, so it has to be chosen now.
    pub(super) fn prepare_retries(
        &mut self,
        vm: &Vm,
        settings: &PoolSettings,
        asked: &Asked,
        now: Millis,
    ) {
        for &place in &settings.retry_pools {
            let Some(other) = vm.settings.pools.get(place) else { continue };
            vm.with_pool(place, |pool, random| {
                if let Ok(pick) = pool.pick(&asked.pick(), &other.profile, now, random) {
                    append(&mut self.destination, pool, &pick);
                }
            });
        }
    }

    /// The choice in one line, for the access log.
    pub(super) fn line(&self) -> String {
        let Self { score, saturation, destination, .. } = self;
        let first = destination.split(',').next().unwrap_or_default();
        let named = destination.split(',').count();
        let why = self.outcome.label();
        format!(
            "{first} {why}, best of {named} named: score {score:.3}, pool saturation {saturation:.2}"
        )
    }

    /// What is said to who asks: as the other, and what made each candidate's score.
    pub(super) fn full_explanation(
        &self,
        settings: &PoolSettings,
        facts: Option<&RequestFacts>,
    ) -> String {
        let mut text = self.explanation(&settings.name, facts);
        for candidate in &self.candidates {
            let Candidate { endpoint, score, parts, trouble } = candidate;
            let _ = write!(text, "; {endpoint}={score:.3}");
            for (weighted, part) in settings.profile.scorers.iter().zip(parts) {
                let _ = write!(text, " {}={part:.3}*{}", weighted.scorer.name(), weighted.weight);
            }
            if *trouble > 0.0 {
                let _ = write!(text, " trouble={trouble:.3}");
            }
        }
        text
    }

    /// What responses say of the choice.
    pub(super) fn explanation(&self, pool: &str, facts: Option<&RequestFacts>) -> String {
        let Self { destination, score, saturation, .. } = self;
        let why = self.outcome.label();
        let prompt = facts.map(prompt).unwrap_or_default();
        format!(
            "pool={pool}; why={why}; score={score:.3}; saturation={saturation:.2}; {prompt}candidates={destination}"
        )
    }
}

/// A prompt's size, and its chain after 1, 2, 4, … blocks, so that two explanations show
/// how much two prompts have in common.
fn prompt(facts: &RequestFacts) -> String {
    let RequestFacts { prompt_tokens, chain, .. } = facts;
    let ends = std::iter::successors(Some(1_usize), |end| end.checked_mul(2));
    let ends = ends
        .map_while(|end| chain.get(end.saturating_sub(1)))
        .map(|entry| format!("{:08x}", entry >> 32));
    let ends = ends.collect::<Vec<_>>().join(".");
    format!("tokens={prompt_tokens}; blocks={}; prefix={ends}; ", chain.len())
}

fn candidates(pool: &Pool, pick: &Pick, profile: &Profile) -> Vec<Candidate> {
    let candidate = |choice: &Choice| {
        let endpoint = pool.endpoints().get(choice.place)?.id;
        let Made { parts, trouble } = pool.made(pick, choice, profile)?;
        Some(Candidate { endpoint, score: choice.score, parts, trouble })
    };
    pick.ranked().iter().filter_map(candidate).collect()
}

fn append(destination: &mut String, pool: &Pool, pick: &Pick) {
    let places = pick.ranked().iter().map(|choice| choice.place);
    for endpoint in places.filter_map(|place| pool.endpoints().get(place)) {
        if !destination.is_empty() {
            destination.push(',');
        }
        destination.push_str(&endpoint.text);
    }
}
