//! From the workers' reports to what the status page shows.
//!
//! Invariant: the endpoints are those that the answering worker knows, as it knows them;
//! the reports add counts, remembered adapters, failed scrapes and choices.

use std::collections::BTreeMap;

use super::decision::{Decision, MOST_DECISIONS};
use super::minute::Tally;
use super::report::{ModelMapping, PoolReport, ScrapeTrouble, WorkerReport};
use super::view::{
    AdaptersView, CandidateView, DecisionView, EndpointView, MinuteView, PoolView, ScorePart, View,
    WorkerView, millis,
};
use crate::picker::PoolSettings;
use crate::pools::{EndpointId, Millis};
use crate::refresh::Failure;
use crate::scheduling::{AdapterKey, Endpoint, Fading, Health, Pool, Profile};
use crate::{inserted, ordered};

/// What a [`View`] is put together from.
#[derive(Debug)]
pub struct Parts<'a> {
    now: Millis,
    reports: &'a [(u64, WorkerReport)],
    names: BTreeMap<AdapterKey, &'a str>,
}

impl<'a> Parts<'a> {
    /// From the workers' reports, each with the worker's token, and BBR's mapping.
    #[must_use]
    pub fn new(
        now: Millis,
        reports: &'a [(u64, WorkerReport)],
        mapping: Option<&'a ModelMapping>,
    ) -> Self {
        let asked = reports.iter().flat_map(|(_, report)| &report.decisions);
        let asked = asked.filter(|decision| decision.adapter).filter_map(|d| d.model.as_deref());
        let mapped = mapping.into_iter().flat_map(|mapping| mapping.models.keys());
        let names = asked.chain(mapped.map(crate::models::ModelName::as_str));
        Self { now, reports, names: inserted(names.map(|name| (AdapterKey::of(name), name))) }
    }

    /// The workers, sorted.
    #[must_use]
    pub fn workers(&self) -> Vec<WorkerView> {
        // Two may share a name, which is half of the token.
        let reports = ordered(self.reports, |(token, _)| *token);
        let view = |(token, report): &(u64, WorkerReport)| WorkerView {
            id: View::worker_name(*token),
            age_ms: millis(self.now.since(report.at)),
        };
        reports.into_iter().map(view).collect()
    }

    /// The pool at this place, as this worker knows it and all workers report it.
    #[must_use]
    pub fn pool(&self, place: usize, settings: &PoolSettings, pool: &Pool) -> PoolView {
        let mut tallies: BTreeMap<EndpointId, (Tally, Vec<AdapterKey>)> = BTreeMap::new();
        let mut outcomes = BTreeMap::new();
        let mut scrapes = BTreeMap::new();
        for report in self.reports.iter().filter_map(|(_, report)| report.pools.get(place)) {
            self.add(report, &mut tallies, &mut outcomes);
            scrapes.extend(report.scrapes.iter().map(|trouble| (trouble.id, *trouble)));
        }
        let mut minute = Tally::default();
        tallies.values().for_each(|(tally, _)| minute.merge(tally));
        let fading = settings.profile.staleness.fading();
        let endpoints = pool.endpoints().iter().map(|endpoint| {
            let (tally, remembered) = tallies.remove(&endpoint.id).unwrap_or_default();
            let scrape = scrapes.get(&endpoint.id).copied();
            let mut view = self.endpoint(endpoint, scrape, &settings.profile, &fading);
            view.share = (minute.picks > 0).then(|| tally.picks as f32 / minute.picks as f32);
            view.minute = MinuteView::of(&tally);
            view.adapters.remembered = self.adapters(&remembered);
            view
        });
        PoolView {
            name: settings.name.clone(),
            cluster: settings.cluster.clone(),
            known: pool.is_known(),
            saturation: pool.saturation(&settings.profile, self.now),
            endpoints: endpoints.collect(),
            minute: MinuteView::of(&minute),
            outcomes,
        }
    }

    fn add(
        &self,
        report: &PoolReport,
        tallies: &mut BTreeMap<EndpointId, (Tally, Vec<AdapterKey>)>,
        outcomes: &mut BTreeMap<String, u64>,
    ) {
        for endpoint in &report.endpoints {
            let (tally, remembered) = tallies.entry(endpoint.id).or_default();
            tally.merge(&endpoint.tally);
            remembered.extend(&endpoint.remembered);
        }
        for (outcome, count) in &report.outcomes {
            let counted = outcomes.entry(outcome.to_string()).or_default();
            *counted = counted.saturating_add(*count);
        }
    }

    fn endpoint(
        &self,
        endpoint: &Endpoint,
        scrape: Option<ScrapeTrouble>,
        profile: &Profile,
        fading: &Fading,
    ) -> EndpointView {
        let observation = endpoint.observation.as_ref();
        let adapters = observation.map(|observation| &observation.adapters);
        let names = |of: fn(&crate::scheduling::Adapters) -> &Vec<AdapterKey>| {
            adapters.map_or_else(Vec::new, |adapters| self.adapters(of(adapters)))
        };
        let trust = endpoint.trust(self.now, fading);
        EndpointView {
            endpoint: endpoint.text.clone(),
            health: endpoint.health,
            why: self.why(endpoint, scrape, profile, trust),
            waiting: observation.and_then(|o| o.waiting),
            running: observation.and_then(|o| o.running),
            kv: observation.and_then(|o| o.kv_usage).filter(|usage| usage.is_finite()),
            in_flight: endpoint.total_in_flight(),
            age_ms: observation.map(|o| millis(self.now.since(o.seen_at()))),
            trust,
            adapters: AdaptersView {
                max: adapters.and_then(|adapters| adapters.max),
                running: names(|adapters| &adapters.running),
                waiting: names(|adapters| &adapters.waiting),
                loaded: names(|adapters| &adapters.loaded),
                remembered: Vec::new(),
            },
            minute: MinuteView::default(),
            share: None,
        }
    }

    fn why(
        &self,
        endpoint: &Endpoint,
        scrape: Option<ScrapeTrouble>,
        profile: &Profile,
        trust: f32,
    ) -> String {
        let mut reasons = Vec::new();
        match endpoint.health {
            Health::Ready => {}
            Health::Unhealthy => reasons.push("Envoy lists it as unhealthy".to_owned()),
            Health::Dead => {
                reasons.push("no connection to its metrics, so none for requests".to_owned())
            }
        }
        match (&endpoint.observation, trust) {
            (None, _) => reasons.push("no metrics yet".to_owned()),
            (Some(_), ..=0.0) => reasons.push("metrics are stale and do not count".to_owned()),
            (Some(_), ..1.0) => reasons.push("metrics are late and count less".to_owned()),
            _ => {}
        }
        if let Some(ScrapeTrouble { failures, last, .. }) = scrape {
            let last = match last {
                Failure::Unreachable => "no connection",
                Failure::Timeout => "no answer in time",
                Failure::NoMetrics => "no metrics in the answer",
            };
            reasons.push(format!("{failures} scrapes failed in a row: {last}"));
        }
        let trouble = endpoint.trouble.level(self.now, profile.trouble_half_life);
        if trouble > 0.0 {
            reasons.push(format!(
                "requests failed lately: its score is {:.0} % less",
                trouble * 100.0
            ));
        }
        reasons.join("; ")
    }

    fn adapters(&self, keys: &[AdapterKey]) -> Vec<String> {
        let name = |key: &AdapterKey| {
            self.names.get(key).map_or_else(|| key.anonymous(), |name| (*name).to_owned())
        };
        ordered(keys.iter().map(name), String::clone)
    }

    /// The latest choices, latest first.
    #[must_use]
    pub fn decisions(&self, pools: &[PoolSettings]) -> Vec<DecisionView> {
        let of_worker = |(token, report): &'a (u64, WorkerReport)| {
            report.decisions.iter().map(|decision| (*token, decision))
        };
        let mut all: Vec<(u64, &Decision)> = Vec::new();
        // Before those of the same millisecond: of one worker's choices the later comes first.
        for one in self.reports.iter().flat_map(of_worker) {
            all.insert(all.partition_point(|(_, other)| other.at > one.1.at), one);
        }
        let views = all.into_iter().take(MOST_DECISIONS);
        views.filter_map(|(token, decision)| self.decision(token, decision, pools)).collect()
    }

    fn decision(
        &self,
        token: u64,
        decision: &Decision,
        pools: &[PoolSettings],
    ) -> Option<DecisionView> {
        let pool = pools.get(decision.pool)?;
        let candidates = decision.candidates.iter().map(|candidate| {
            let parts = pool.profile.scorers.iter().zip(&candidate.parts);
            CandidateView {
                endpoint: candidate.endpoint.to_string(),
                score: candidate.score,
                trouble: candidate.trouble,
                parts: parts
                    .map(|(weighted, &score)| ScorePart {
                        scorer: weighted.scorer.name(),
                        score,
                        weight: weighted.weight,
                    })
                    .collect(),
            }
        });
        Some(DecisionView {
            age_ms: millis(self.now.since(decision.at)),
            worker: View::worker_name(token),
            pool: pool.name.clone(),
            model: decision.model.clone(),
            adapter: decision.adapter,
            objective: decision.objective.clone(),
            reason: decision.outcome.to_string(),
            saturation: decision.saturation,
            candidates: candidates.collect(),
        })
    }
}
