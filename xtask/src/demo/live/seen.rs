//! The part of the status page's data that the terminal shows.

use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
pub(super) struct View {
    pub(super) pools: Vec<Pool>,
    pub(super) decisions: Vec<Decision>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Pool {
    pub(super) name: String,
    pub(super) saturation: Option<f32>,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) minute: Minute,
    pub(super) outcomes: std::collections::BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Endpoint {
    pub(super) endpoint: String,
    pub(super) health: String,
    pub(super) waiting: Option<u32>,
    pub(super) running: Option<u32>,
    pub(super) kv: Option<f32>,
    pub(super) in_flight: u32,
    pub(super) share: Option<f32>,
    pub(super) minute: Minute,
    pub(super) adapters: Adapters,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Adapters {
    pub(super) running: Vec<String>,
    pub(super) remembered: Vec<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Minute {
    pub(super) ttft_p50_ms: Option<f64>,
    pub(super) ttft_p90_ms: Option<f64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Decision {
    pub(super) model: Option<String>,
    pub(super) reason: String,
    pub(super) candidates: Vec<Candidate>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Candidate {
    pub(super) endpoint: String,
    pub(super) score: f32,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Part {
    pub(super) scorer: String,
    pub(super) score: f32,
    pub(super) weight: f32,
}
