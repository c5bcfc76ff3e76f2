//! The plugin configuration of the BBR filter, as it is written.
//!
//! Only shapes; what they mean together is checked by
//! [`Settings`](super::Settings). The texts here are the reference: the JSON
//! Schema and `docs/configuration.md` are generated from them.

use serde::Deserialize;

/// Configuration of the BBR filter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BbrConfig {
    /// The base models and their LoRA adapters. A name may stand here once only.
    pub base_models: Vec<BaseModelConfig>,
    /// Names that stand for other models, alone or in weighted shares.
    pub model_rewrites: Vec<RewriteConfig>,
    /// When the verdict falls: once the whole body is read, or at the first
    /// top-level `model`.
    pub route_on: RouteOn,
    /// What to do with a model that the configuration does not name.
    pub on_unknown_model: UnknownModelPolicy,
    /// What to do with a body that has no `model`.
    pub on_missing_model: MissingModelPolicy,
    /// The largest request body in bytes; larger ones get a 413. Keep Envoy's own
    /// buffer limit (`per_connection_buffer_limit_bytes`, 1 MiB if unset) at least
    /// 1 MiB above it, else Envoy answers first, in plain text.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1_073_741_824)))]
    pub max_body_bytes: u64,
    /// The paths whose bodies are read: exact, or with a `*` at the start or the
    /// end for any text. Query strings do not count. All others pass untouched.
    pub paths: Vec<String>,
    /// Answer `GET /v1/models` and `GET /v1/models/{id}` from this configuration.
    pub serve_models: bool,
}

/// A base model and its adapters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BaseModelConfig {
    /// The base model's name.
    pub name: String,
    /// The names of its LoRA adapters; blank ones are dropped.
    #[serde(default)]
    pub adapters: Vec<String>,
}

/// A name and the models it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RewriteConfig {
    /// The name clients ask for.
    pub model: String,
    /// The models that are asked instead.
    pub targets: Vec<RewriteTargetConfig>,
    /// What decides between several targets.
    #[serde(default)]
    pub split_by: SplitBy,
}

/// A model and its share.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RewriteTargetConfig {
    /// The model's name.
    pub model: String,
    /// Its share, relative to the sum of all weights. Give all targets one, or none.
    #[cfg_attr(feature = "schema", schemars(range(max = 1_000_000)))]
    pub weight: Option<u32>,
}

/// When the verdict falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RouteOn {
    /// After the whole body: nothing goes upstream before all of it proved well-formed.
    #[default]
    Complete,
    /// At the first top-level `model`: the rest streams through while it is still
    /// checked; a later fault ends the request.
    FirstModel,
}

/// What to do with a model that the configuration does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum UnknownModelPolicy {
    /// Set the model header only; routes decide.
    #[default]
    Pass,
    /// Answer 404 `model_not_found`.
    Reject,
}

/// What to do with a body that has no `model`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum MissingModelPolicy {
    /// Set no header; routes decide.
    #[default]
    Pass,
    /// Answer 400.
    Reject,
}

/// What decides between several targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum SplitBy {
    /// The `x-request-id` header: a repeated request gets the same target.
    #[default]
    RequestId,
    /// Chance.
    Random,
}

impl Default for BbrConfig {
    fn default() -> Self {
        Self {
            base_models: Vec::new(),
            model_rewrites: Vec::new(),
            route_on: RouteOn::default(),
            on_unknown_model: UnknownModelPolicy::default(),
            on_missing_model: MissingModelPolicy::default(),
            max_body_bytes: 16 << 20,
            paths: DEFAULT_PATHS.iter().map(|&path| path.to_owned()).collect(),
            serve_models: false,
        }
    }
}

/// What vLLM, SGLang and TensorRT-LLM serve with a `model` in the body: OpenAI's
/// and Anthropic's paths, and vLLM's own that lie outside of `/v1`.
const DEFAULT_PATHS: [&str; 9] = [
    "/v1/*",
    "/v2/rerank",
    "/rerank",
    "/score",
    "/classify",
    "/pooling",
    "/tokenize",
    "/detokenize",
    "/invocations",
];
