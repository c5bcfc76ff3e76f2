//! The candidates' scores: the second part of a pick.
//!
//! Invariant: one scorer after the other, so that what to compute is decided once per scorer,
//! not once per candidate and scorer.

use std::ops::Range;

use super::field::Candidates;
use super::pool::Pool;
use super::prefix::{Prefixes, Prompt, Ranking, Residence, Standing};
use super::profile::{Profile, Weighted};
use super::scorer::{Context, Needed, Scorer, Seen, adapter_score, faded, residence};

impl Pool {
    /// Gives each candidate its score; leaves to [`Self::score_prompt`] what a prompt decides.
    pub(super) fn score(
        &self,
        candidates: &mut Candidates,
        profile: &Profile,
        context: &Context,
        has_prompt: bool,
    ) {
        let mut same = 0.0;
        for &Weighted { scorer, weight } in &profile.scorers {
            if has_prompt && scorer.wants_prompt() {
                continue;
            }
            let Candidates { places, trust, load, kv_score, score, .. } = &mut *candidates;
            match (scorer.needed(context), scorer) {
                (Needed::Same(score), _) => same += weight * score,
                (Needed::One(id), _) => {
                    let found = self.place(id).and_then(|place| places.binary_search(&place).ok());
                    let only = found.map_or(0..0, |n| n..n.saturating_add(1));
                    self.add(candidates, only, Weighted { scorer, weight }, context);
                }
                // The default's have loops of their own, over columns alone.
                (Needed::Each, Scorer::Cost | Scorer::Load) => {
                    for (score, load) in score.iter_mut().zip(load) {
                        *score += weight * context.load_score(*load);
                    }
                }
                (Needed::Each, Scorer::KvCache) => {
                    for ((score, kv_score), trust) in score.iter_mut().zip(kv_score).zip(trust) {
                        *score += weight * faded(*kv_score, *trust);
                    }
                }
                (Needed::Each, Scorer::Adapter) => {
                    self.find_adapter(candidates, context);
                    let Candidates { adapter, score, .. } = &mut *candidates;
                    for (score, adapter) in score.iter_mut().zip(adapter) {
                        *score += weight * adapter_score(*adapter);
                    }
                }
                (Needed::Each, _) => {
                    let all = 0..places.len();
                    self.add(candidates, all, Weighted { scorer, weight }, context);
                }
            }
        }
        if same > 0.0 {
            candidates.score.iter_mut().for_each(|score| *score += same);
        }
    }

    /// Finds out who has the request's adapter, once for all who want to know.
    fn find_adapter(&self, candidates: &mut Candidates, context: &Context) {
        let Candidates { places, adapter, .. } = candidates;
        if !adapter.is_empty() {
            return;
        }
        if context.adapter.is_none() {
            adapter.resize(places.len(), Residence::There);
            return;
        }
        adapter.extend(places.iter().map(|place| {
            self.at(*place).map_or(Residence::There, |(row, of)| residence(of, row, context))
        }));
    }

    /// Adds what one scorer says of these of the candidates.
    fn add(
        &self,
        candidates: &mut Candidates,
        these: Range<usize>,
        add: Weighted,
        context: &Context,
    ) {
        let Candidates { places, trust, load, score, .. } = candidates;
        let columns = places.iter().zip(&*trust).zip(&*load).zip(score);
        for (((place, trust), load), score) in columns.skip(these.start).take(these.len()) {
            let (trust, load) = (*trust, *load);
            if let Some((row, endpoint)) = self.at(*place) {
                let seen = Seen { endpoint, row, load, trust };
                *score += add.weight * add.scorer.score(seen, context);
            }
        }
    }

    /// Takes from each score what the endpoint's failures cost.
    pub(super) fn discount(
        &self,
        candidates: &mut Candidates,
        profile: &Profile,
        context: &Context,
    ) {
        let Candidates { places, score, .. } = candidates;
        for (place, score) in places.iter().zip(score) {
            if let Some((row, endpoint)) = self.at(*place)
                && row.troubled
            {
                let trouble = endpoint.trouble.level(context.now, profile.trouble_half_life);
                *score *= 1.0 - trouble;
            }
        }
    }

    /// Adds what the prompt's scorers say; the least work among the candidates.
    pub(super) fn score_prompt(
        &self,
        candidates: &mut Candidates,
        prefixes: &mut Prefixes,
        profile: &Profile,
        context: &Context,
        prompt: &Prompt<'_>,
    ) -> f32 {
        self.find_adapter(candidates, context);
        let Candidates { places, load, adapter, score, .. } = candidates;
        let standings = places.iter().zip(&*load).zip(adapter).map(|((&place, &load), adapter)| {
            let waiting = self.rows.get(place).map_or(0.0, |row| row.waiting);
            Standing { place, load, waiting, adapter: *adapter }
        });
        let endpoints = self.endpoints();
        let ranking =
            Ranking { ranked: profile.wants_affinity(), caches_differ: self.caches_differ };
        prefixes.estimate(prompt, context.adapter, standings, endpoints, ranking, context.now);
        let least = prefixes.least(places.iter().copied());
        for &Weighted { scorer, weight } in &profile.scorers {
            if !scorer.wants_prompt() {
                continue;
            }
            for ((score, place), load) in score.iter_mut().zip(&*places).zip(&*load) {
                let of_prompt = prompt_score(scorer, prefixes, *place, least);
                *score += weight * of_prompt.unwrap_or_else(|| context.load_score(*load));
            }
        }
        least
    }
}

/// What a scorer says of the prompt at one place; none if it rests on the load.
pub(super) fn prompt_score(
    scorer: Scorer,
    prefixes: &Prefixes,
    place: usize,
    least: f32,
) -> Option<f32> {
    let estimate = prefixes.of(place);
    match scorer {
        Scorer::Prefix => Some(estimate.matched),
        Scorer::PrefixAffinity => Some(estimate.affinity),
        Scorer::Cost if prefixes.has_learned() => Some(prefixes.score(estimate, least)),
        _ => None,
    }
}
