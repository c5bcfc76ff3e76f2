//! The plugin configuration of the picker filter, as it is written.
//!
//! Only shapes; what they mean together is checked by
//! [`Settings`](super::Settings). The texts here are the reference: the JSON
//! Schema and `docs/configuration.md` are generated from them.

use serde::Deserialize;

use crate::server_metrics::ServerKind;

/// Configuration of the picker filter.
#[derive(Debug, Clone, PartialEq, Deserialize)]
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
    /// Look for a subset of endpoints in the stream's dynamic metadata too
    /// (`envoy.lb.subset_hint`), not only in the request header. Costs a call into Envoy
    /// for each request; without a filter that sets it, switch it off.
    pub subset_metadata: bool,
    /// Take what the BBR filter found out about the prompt (its `promptDigest`). Costs a
    /// call into Envoy for each request; without a BBR filter before this one, or
    /// without its digest, requests are picked for as if this were off.
    pub request_facts: bool,
    /// Add `x-gateway-picker` to responses: the pool, and why this endpoint was
    /// chosen or the request refused.
    pub explain: bool,
    /// Keep the score and the reason of each choice for Envoy's access log, as
    /// `%FILTER_STATE(wasm.igw.picker.score:PLAIN)%` and
    /// `%FILTER_STATE(wasm.igw.picker.reason:PLAIN)%`, and the choice in one line as
    /// `%FILTER_STATE(wasm.igw.picker.why:PLAIN)%`.
    pub access_log: bool,
    /// Add `x-gateway-picker` to the responses of requests that carry this header with
    /// this value, with the score parts of the best endpoints; whatever `explain` says.
    pub explain_for: Option<HeaderConfig>,
    /// The status page. Left out: there is none, and nothing is written down for it.
    pub status: Option<StatusConfig>,
}

/// A request header and the value it must have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderConfig {
    /// Its name.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub name: String,
    /// Its value.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub value: String,
}

/// Where the status page is, and who may see it. One of `route` and `header` is required;
/// with both, both have to be met.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatusConfig {
    /// The page's path; its data, JSON, are below it at `/api`.
    #[serde(default = "status_path")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^/")))]
    pub path: String,
    /// The name of the Envoy route that leads to the page; on a listener of its own, nobody
    /// else's requests have it.
    #[serde(default)]
    pub route: Option<String>,
    /// The header that requests for the page must carry.
    #[serde(default)]
    pub header: Option<HeaderConfig>,
}

/// A pool of model servers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PoolConfig {
    /// The pool's name, in metrics and messages.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub name: String,
    /// The Envoy cluster whose requests are picked for. The pool's name, if left out.
    #[serde(default)]
    pub cluster: Option<String>,
    /// Further clusters with the same endpoints, for platforms that make one for each
    /// route, as Envoy Gateway does. Discovery asks for `cluster`.
    #[serde(default)]
    pub other_clusters: Vec<String>,
    /// The endpoints.
    pub endpoints: EndpointsConfig,
    /// The model servers' kind, for the names of their metrics.
    #[serde(default)]
    pub server: ServerKind,
    /// Metrics that are named otherwise than the server's kind says.
    #[serde(default)]
    pub metrics: MetricsConfig,
    /// Ask for a load report with every response (ORCA, the header `endpoint-load-metrics`)
    /// and go by it until the next scrape.
    #[serde(default)]
    pub orca: bool,
    /// Ask the servers for their adapters (`/v1/models`, `parent`) and share what they list
    /// with BBR filters that have `learnAdapters` and the same `vm_config.vm_id`.
    #[serde(default)]
    pub learn_adapters: bool,
    /// Pools that a retry may go to: their best endpoints stand behind this pool's own in
    /// the list that Envoy goes through.
    #[serde(default)]
    pub retry_pools: Vec<String>,
    /// Path of the model servers' metrics.
    #[serde(default = "metrics_path")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^/")))]
    pub metrics_path: String,
    /// How endpoints are scored: `recommended`, `reference`, or scorers and weights.
    #[serde(default)]
    pub scorers: ScorersConfig,
    /// How many endpoints a pick names: the best, and the next best for Envoy's retries.
    /// 1 to 8.
    #[serde(default = "ranked")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 8)))]
    pub ranked: usize,
    /// When no endpoint is ready, pick any instead of answering 503.
    #[serde(default)]
    pub fail_open: bool,
    /// Up to this age, in milliseconds, metrics count in full. Five times
    /// `scrape.intervalMs`, and 1000 at least, if left out.
    #[serde(default)]
    pub fresh_ms: Option<u64>,
    /// From this age on, in milliseconds, metrics do not count; between, they fade. Five
    /// times `freshMs`, and 5000 at least, if left out.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub stale_ms: Option<u64>,
}

/// Metrics of one's own: each `name` or `name{label="value",…}`, in place of those that
/// the server's kind has for the same thing. Series of one name are summed; of the KV
/// cache the fullest counts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// The number of requests that wait.
    pub waiting: Option<String>,
    /// The number of requests that run.
    pub running: Option<String>,
    /// The share of the KV cache in use, 0 to 1.
    pub kv_usage: Option<String>,
    /// Adapters in labels as those of `vllm:lora_requests_info`; the value is a time.
    pub lora_requests: Option<String>,
    /// Adapters in memory, in labels as those of `vllm:lora_adapter_loaded`.
    pub lora_loaded: Option<String>,
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
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0)))]
    pub weight: f32,
}

/// How model servers are asked for their metrics.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ScrapeConfig {
    /// The Envoy cluster that scrapes go through: of type `ORIGINAL_DST` with
    /// `use_http_header`, so that each reaches the endpoint it names and no other.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub cluster: String,
    /// Milliseconds between two scrapes of one endpoint.
    #[cfg_attr(feature = "schema", schemars(range(min = 10, max = 60_000)))]
    pub interval_ms: u64,
    /// Milliseconds until a scrape is given up.
    #[cfg_attr(feature = "schema", schemars(range(min = 10, max = 60_000)))]
    pub timeout_ms: u64,
    /// Milliseconds between two questions to one endpoint for its adapters, in pools with
    /// `learnAdapters`.
    #[cfg_attr(feature = "schema", schemars(range(min = 100, max = 600_000)))]
    pub adapter_interval_ms: u64,
    /// Milliseconds for which an adapter counts after the last server that listed it.
    #[cfg_attr(feature = "schema", schemars(range(min = 1_000, max = 3_600_000)))]
    pub adapter_grace_ms: u64,
    /// How many scrapes run at once at most.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1_024)))]
    pub concurrency: usize,
}

/// An objective and its priority.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectiveConfig {
    /// The objective's name.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
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
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
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

impl Default for PickerConfig {
    fn default() -> Self {
        Self {
            pools: Vec::new(),
            scrape: ScrapeConfig::default(),
            objectives: Vec::new(),
            models: Vec::new(),
            session_header: String::new(),
            subset_metadata: true,
            request_facts: false,
            explain: false,
            access_log: false,
            explain_for: None,
            status: None,
        }
    }
}

impl Default for ScrapeConfig {
    fn default() -> Self {
        Self {
            cluster: "igw_scrape".to_owned(),
            interval_ms: 200,
            timeout_ms: 1_000,
            adapter_interval_ms: 1_000,
            adapter_grace_ms: 30_000,
            concurrency: 32,
        }
    }
}

fn status_path() -> String {
    "/status".to_owned()
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
