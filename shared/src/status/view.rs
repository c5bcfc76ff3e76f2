//! The status page's data: what `GET <path>/api` answers.
//!
//! Invariant: times are milliseconds and ages, never clocks to be compared; what is not
//! known is `null`, not 0.

use std::collections::BTreeMap;

use serde::Serialize;

use super::decision::{Decision, MOST_DECISIONS};
use super::minute::Tally;
use super::report::{ModelMapping, PoolReport, RequestOutcomes, ScrapeTrouble, WorkerReport};
use crate::picker::PoolSettings;
use crate::pools::{EndpointId, Millis};
use crate::refresh::Failure;
use crate::scheduling::{AdapterKey, Endpoint, Fading, Health, Pool, Profile};
use crate::{inserted, ordered};

/// Everything.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// When it was put together, in milliseconds since 1970.
    pub at: u64,
    /// The worker that answers.
    pub worker: String,
    /// Who scrapes; none before anybody does.
    pub lease: Option<LeaseView>,
    /// Whose reports are in here.
    pub workers: Vec<WorkerView>,
    /// The pools, in the order of the configuration.
    pub pools: Vec<PoolView>,
    /// The latest choices of all workers, latest first.
    pub decisions: Vec<DecisionView>,
    /// Of BBR filters with the same `vm_id`; none if there are none.
    pub bbr: Option<BbrView>,
}

/// Who scrapes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaseView {
    /// The worker.
    pub holder: String,
    /// Until it runs out, if it is not renewed.
    pub expires_in_ms: u64,
    /// Whether the holder serves requests too.
    pub busy: bool,
}

/// A worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerView {
    /// A random number of its own.
    pub id: String,
    /// Since its last report.
    pub age_ms: u64,
}

/// A pool.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolView {
    /// Its name.
    pub name: String,
    /// Its Envoy cluster.
    pub cluster: String,
    /// Whether its endpoints are known yet.
    pub known: bool,
    /// Its mean saturation; 1 and above is saturated. None without a ready endpoint.
    pub saturation: Option<f32>,
    /// Its endpoints, sorted by address.
    pub endpoints: Vec<EndpointView>,
    /// The last minute of all its endpoints.
    pub minute: MinuteView,
    /// Requests since the workers started, by outcome.
    pub outcomes: BTreeMap<String, u64>,
}

/// An endpoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointView {
    /// Address and port.
    pub endpoint: String,
    /// `ready`, `unhealthy` or `dead`.
    pub health: Health,
    /// Why it is not ready, or what else is wrong; empty if nothing is.
    pub why: String,
    /// Requests that wait.
    pub waiting: Option<u32>,
    /// Requests that run.
    pub running: Option<u32>,
    /// Share of the KV cache in use, 0 to 1.
    pub kv: Option<f32>,
    /// This gateway's requests there.
    pub in_flight: u32,
    /// Since its server was last heard of.
    pub age_ms: Option<u64>,
    /// How far its metrics count, 0 to 1.
    pub trust: f32,
    /// Its adapters.
    pub adapters: AdaptersView,
    /// The last minute.
    pub minute: MinuteView,
    /// Its part of the pool's picks in that time, 0 to 1.
    pub share: Option<f32>,
}

/// The adapters of an endpoint, by name as far as anybody knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdaptersView {
    /// Slots.
    pub max: Option<u32>,
    /// With requests that run.
    pub running: Vec<String>,
    /// With requests that wait.
    pub waiting: Vec<String>,
    /// Reported as resident.
    pub loaded: Vec<String>,
    /// Sent there lately by this gateway.
    pub remembered: Vec<String>,
}

/// What was counted in the last 50 to 60 seconds.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MinuteView {
    /// Requests.
    pub picks: u32,
    /// Responses.
    pub answers: u32,
    /// Those of them that failed.
    pub failures: u32,
    /// Failures of responses, 0 to 1.
    pub error_rate: Option<f32>,
    /// Milliseconds to the response's headers that half of the responses do not exceed.
    pub ttft_p50_ms: Option<f64>,
    /// The same of nine in ten.
    pub ttft_p90_ms: Option<f64>,
}

/// A choice.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionView {
    /// How long ago.
    pub age_ms: u64,
    /// The worker.
    pub worker: String,
    /// The pool.
    pub pool: String,
    /// The model asked for.
    pub model: Option<String>,
    /// Whether that is an adapter.
    pub adapter: bool,
    /// The objective asked for.
    pub objective: Option<String>,
    /// What became of the request.
    pub reason: String,
    /// The pool's saturation.
    pub saturation: Option<f32>,
    /// The endpoints named, best first.
    pub candidates: Vec<CandidateView>,
}

/// An endpoint among the best.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CandidateView {
    /// Address and port.
    pub endpoint: String,
    /// Its score: the sum of weight times score, times one minus trouble.
    pub score: f32,
    /// What it lost by failures, 0 to 1.
    pub trouble: f32,
    /// What each scorer gave.
    pub parts: Vec<ScorePart>,
}

/// What one scorer gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScorePart {
    /// The scorer.
    pub scorer: &'static str,
    /// 0 to 1.
    pub score: f32,
    /// What that is multiplied by.
    pub weight: f32,
}

/// What BBR filters shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BbrView {
    /// Models, sorted by name.
    pub models: Vec<ModelView>,
    /// Requests since Envoy started, by outcome.
    pub outcomes: BTreeMap<String, u64>,
}

/// A model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelView {
    /// Its name.
    pub name: String,
    /// Its base model; none if it is one.
    pub base: Option<String>,
}

/// What a [`View`] is put together from.
#[derive(Debug)]
pub struct Parts<'a> {
    now: Millis,
    reports: &'a [(u64, WorkerReport)],
    names: BTreeMap<AdapterKey, &'a str>,
}

/// A worker, as people tell it from others.
fn worker_name(token: u64) -> String {
    format!("{:08x}", token >> 32)
}

fn millis(duration: std::time::Duration) -> u64 {
    Millis::from(duration).0
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
            id: worker_name(*token),
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
            worker: worker_name(token),
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

impl MinuteView {
    fn of(tally: &Tally) -> Self {
        Self {
            picks: tally.picks,
            answers: tally.answers,
            failures: tally.failures,
            error_rate: (tally.answers > 0).then(|| tally.failures as f32 / tally.answers as f32),
            ttft_p50_ms: tally.first_byte.quantile(0.5),
            ttft_p90_ms: tally.first_byte.quantile(0.9),
        }
    }
}

impl LeaseView {
    /// From what stands in shared data; none if nobody holds it.
    #[must_use]
    pub fn of(record: crate::lease::Record, now: Millis) -> Option<Self> {
        (record.holder != 0).then(|| Self {
            holder: worker_name(record.holder),
            expires_in_ms: millis(record.expires.since(now)),
            busy: record.busy,
        })
    }
}

impl BbrView {
    /// From what BBR filters shared; none if they did not.
    #[must_use]
    pub fn of(mapping: Option<&ModelMapping>, outcomes: Option<RequestOutcomes>) -> Option<Self> {
        let models = mapping?.models.iter().map(|(name, base)| ModelView {
            name: name.as_str().to_owned(),
            base: base.as_ref().map(|base| base.as_str().to_owned()),
        });
        let counts = outcomes.unwrap_or_default().counts.into_iter();
        let outcomes = inserted(counts.map(|(outcome, count)| (outcome.into_owned(), count)));
        Some(Self { models: models.collect(), outcomes })
    }
}

impl View {
    /// The name of the worker with this token.
    #[must_use]
    pub fn worker_name(token: u64) -> String {
        worker_name(token)
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Nothing in here can fail to be written; an empty object says so all the same.
        serde_json::to_vec(self).unwrap_or_else(|_| b"{}".to_vec())
    }
}
