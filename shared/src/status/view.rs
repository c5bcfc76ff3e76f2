//! The status page's data: what `GET <path>/api` answers.
//!
//! Invariant: times are milliseconds and ages, never clocks to be compared; what is not
//! known is `null`, not 0.

use std::collections::BTreeMap;

use serde::Serialize;

use super::minute::Tally;
use super::report::{ModelMapping, RequestOutcomes};
use crate::inserted;
use crate::pools::Millis;
use crate::scheduling::Health;

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

pub(super) fn millis(duration: std::time::Duration) -> u64 {
    Millis::from(duration).0
}

impl MinuteView {
    pub(super) fn of(tally: &Tally) -> Self {
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
            holder: View::worker_name(record.holder),
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
    /// The worker with this token, as people tell it from others.
    #[must_use]
    pub fn worker_name(token: u64) -> String {
        format!("{:08x}", token >> 32)
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Nothing in here can fail to be written; an empty object says so all the same.
        serde_json::to_vec(self).unwrap_or_else(|_| b"{}".to_vec())
    }
}
