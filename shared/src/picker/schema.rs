//! The plugin configuration of the picker filter, as it is written.
//!
//! Only shapes; what they mean together is checked by
//! [`Settings`](super::Settings). The texts here are the reference: the JSON
//! Schema and `docs/configuration.md` are generated from them.

use serde::Deserialize;

use crate::server_metrics::ServerKind;

/// Configuration of the picker filter.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PickerConfig {
    /// The pools. Requests whose cluster has no pool here pass as Envoy balances them.
    pub pools: Vec<PoolConfig>,
    /// How model servers are asked for their metrics.
    pub scrape: ScrapeConfig,
    /// Objectives and their priorities. A request names one in
    /// `x-gateway-inference-objective`.
    pub objectives: Vec<ObjectiveConfig>,
    /// Priorities of models, for requests without an objective.
    pub models: Vec<ModelCriticalityConfig>,
    /// The request header that carries a session's token. The same header of the
    /// response gives the token out. Empty: no session affinity.
    pub session_header: String,
    /// Add `x-gateway-picker` to responses: the pool, and why this endpoint was
    /// chosen or the request refused.
    pub explain: bool,
}

/// A pool of model servers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PoolConfig {
    /// The pool's name, in metrics and messages.
    pub name: String,
    /// The Envoy cluster whose requests are picked for. The pool's name, if left out.
    #[serde(default)]
    pub cluster: Option<String>,
    /// The endpoints.
    pub endpoints: EndpointsConfig,
    /// The model servers' kind, for the names of their metrics.
    #[serde(default)]
    pub server: ServerKind,
    /// Path of the model servers' metrics.
    #[serde(default = "metrics_path")]
    pub metrics_path: String,
    /// How endpoints are scored: `recommended`, `reference`, or scorers and weights.
    #[serde(default)]
    pub scorers: ScorersConfig,
    /// How many endpoints a pick names: the best, and the next best for Envoy's retries.
    /// 1 to 8.
    #[serde(default = "ranked")]
    pub ranked: usize,
    /// When no endpoint is ready, pick any instead of answering 503.
    #[serde(default)]
    pub fail_open: bool,
    /// Up to this age, in milliseconds, metrics count in full.
    #[serde(default = "fresh_ms")]
    pub fresh_ms: u64,
    /// From this age on, in milliseconds, metrics do not count; between, they fade.
    #[serde(default = "stale_ms")]
    pub stale_ms: u64,
}

/// The endpoints of a pool.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(untagged)]
pub enum EndpointsConfig {
    /// A list of addresses and ports, such as `10.0.0.1:8000` or `[::1]:8000`.
    List(Vec<String>),
    /// Those of the cluster, as Envoy's admin interface lists them.
    #[serde(rename_all = "camelCase")]
    Discovered {
        /// The Envoy cluster that leads to Envoy's own admin interface.
        envoy_admin: String,
    },
}

/// How endpoints are scored.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(untagged)]
pub enum ScorersConfig {
    /// `recommended`: this project's defaults. `reference`: those of the Gateway API
    /// Inference Extension.
    Named(ProfileName),
    /// Scorers and their weights.
    List(Vec<ScorerConfig>),
}

/// A set of scorers and weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase")]
pub enum ProfileName {
    /// This project's defaults.
    Recommended,
    /// The defaults of the Gateway API Inference Extension.
    Reference,
}

impl Default for ScorersConfig {
    fn default() -> Self {
        Self::Named(ProfileName::Recommended)
    }
}

/// A scorer and its weight.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScorerConfig {
    /// The scorer's name.
    pub name: String,
    /// What its score, 0 to 1, is multiplied by.
    #[serde(default = "weight")]
    pub weight: f32,
}

/// How model servers are asked for their metrics.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ScrapeConfig {
    /// The Envoy cluster that scrapes go through: of type `ORIGINAL_DST` with
    /// `use_http_header`, so that each reaches the endpoint it names and no other.
    pub cluster: String,
    /// Milliseconds between two scrapes of one endpoint.
    pub interval_ms: u64,
    /// Milliseconds until a scrape is given up.
    pub timeout_ms: u64,
    /// How many scrapes run at once at most.
    pub concurrency: usize,
}

/// An objective and its priority.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectiveConfig {
    /// The objective's name.
    pub name: String,
    /// Its priority. Requests below 0 are refused with 429 while their pool is saturated.
    #[serde(default)]
    pub priority: i32,
}

/// How critical a model is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelCriticalityConfig {
    /// The model's name.
    pub name: String,
    /// How critical it is.
    pub criticality: Criticality,
}

/// Criticality of a model, as InferenceModel has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
pub enum Criticality {
    /// Priority 1.
    Critical,
    /// Priority 0.
    Standard,
    /// Priority -1: refused while the pool is saturated.
    Sheddable,
}

impl Default for ScrapeConfig {
    fn default() -> Self {
        Self {
            cluster: "igw_scrape".to_owned(),
            interval_ms: 200,
            timeout_ms: 1_000,
            concurrency: 32,
        }
    }
}

fn metrics_path() -> String {
    "/metrics".to_owned()
}

fn ranked() -> usize {
    3
}

fn weight() -> f32 {
    1.0
}

fn fresh_ms() -> u64 {
    1_000
}

fn stale_ms() -> u64 {
    5_000
}
