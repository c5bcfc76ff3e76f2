//! The plugin configuration of the BBR filter, as it is written.
//!
//! Only shapes; what they mean together is checked by
//! [`Settings`](super::Settings). The texts here are the reference: the JSON
//! Schema and `docs/configuration.md` are generated from them (`cargo xtask docs`),
//! so they are written for operators. `Serialize` is there for the defaults in it.

use serde::Deserialize;

/// Configuration of the BBR filter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BbrConfig {
    /// The base models and their LoRA adapters: what `X-Gateway-Base-Model-Name` is
    /// looked up in. A name, of a base model or of an adapter, may stand here once.
    pub base_models: Vec<BaseModelConfig>,
    /// Names that stand for other models. The body's `model` is replaced, then the
    /// headers are set for the model that replaces it. Targets are not rewritten again.
    pub model_rewrites: Vec<RewriteConfig>,
    /// How much of the body is read before the request goes on.
    pub route_on: RouteOn,
    /// What happens to a request whose `model`, after rewriting, is not among
    /// `baseModels`.
    pub on_unknown_model: UnknownModelPolicy,
    /// What happens to a JSON object or a form that has no `model`.
    pub on_missing_model: MissingModelPolicy,
    /// The largest request body in bytes; a larger one is answered 413. The default is
    /// 16 MiB. Keep Envoy's own buffer limit (`per_connection_buffer_limit_bytes` of the
    /// listener, 1 MiB if unset) at least 1 MiB above it, or Envoy answers 413 first, in
    /// plain text.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1_073_741_824)))]
    pub max_body_bytes: u64,
    /// The paths whose bodies are read: `/score` is this path only, `/v1/*` every path
    /// that starts so, `*/chat/completions` every path that ends so. The query string
    /// does not count. A request to any other path passes with its body unread. A list
    /// given here replaces the default list.
    #[cfg_attr(feature = "schema", schemars(inner(regex(pattern = r"^(/[^*?]*\*?|\*[^*?]*)$"))))]
    pub paths: Vec<String>,
    /// Whether adapters that model servers list (`/v1/models`, `parent`) count as if they
    /// stood in `baseModels`, which wins over them. The picker asks the servers, of pools
    /// with its own `learnAdapters`; the two filters must have the same
    /// `vm_config.vm_id`, or this one does not see what that one learned.
    pub learn_adapters: bool,
    /// Digest the prompt of each JSON body, for pickers that send requests where the
    /// beginning of their prompt is cached. Left out: bodies are only scanned. Needs
    /// `routeOn` `complete`, as the digest is done when the body is.
    pub prompt_digest: Option<PromptDigestConfig>,
    /// Whether `GET /v1/models` and `GET /v1/models/{id}` are answered from this
    /// configuration: base models, adapters and rewritten names.
    pub serve_models: bool,
}

/// A base model and its adapters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BaseModelConfig {
    /// The base model's name: 1 to 512 bytes, without control characters. White space
    /// around it is dropped.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub name: String,
    /// The names of its LoRA adapters, each like `name`. Blank ones are dropped.
    #[serde(default)]
    pub adapters: Vec<String>,
}

/// A name and the models it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RewriteConfig {
    /// The name that clients ask for: 1 to 512 bytes, without control characters. It
    /// may be a base model's or an adapter's name, and may be rewritten once only.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub model: String,
    /// The models that are asked instead; one of them per request.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub targets: Vec<RewriteTargetConfig>,
    /// What decides between several targets. With one target it has no effect.
    #[serde(default)]
    pub split_by: SplitBy,
}

/// A model and its share.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RewriteTargetConfig {
    /// The model's name: 1 to 512 bytes, without control characters. With
    /// `onUnknownModel: "reject"` it must be among `baseModels`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub model: String,
    /// Its share of the requests, relative to the sum of all weights. Give all targets
    /// a weight or none (then all are equal); one at least must be above 0.
    #[cfg_attr(feature = "schema", schemars(range(max = 1_000_000)))]
    pub weight: Option<u32>,
}

/// How a prompt is digested: into a chain of hashes, one per block of its beginning, each
/// of which stands for all before it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PromptDigestConfig {
    /// Bytes of JSON text that count as a token.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 8)))]
    pub characters_per_token: u32,
    /// Tokens per block. The model servers' own block size (`block_size` of
    /// `vllm:cache_config_info`) is the finest that makes sense; a coarser one makes a
    /// longer beginning count: 128 blocks of 64 reach 8,192 tokens.
    #[cfg_attr(feature = "schema", schemars(range(min = 16, max = 256)))]
    pub block_tokens: u32,
    /// Blocks per prompt; what is behind them is not hashed.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 256)))]
    pub max_blocks: u32,
}

/// When the verdict falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase")]
pub enum RouteOn {
    /// The whole body. Nothing goes upstream before all of it proved well-formed, and a
    /// body with two `model` keys is refused. Envoy holds the body meanwhile.
    #[default]
    Complete,
    /// Up to the end of the first top-level `model`. The rest streams through unheld and
    /// is still checked; a fault or a second `model` in it ends the request, of which
    /// the model server has then seen the beginning.
    FirstModel,
}

/// What to do with a model that the configuration does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase")]
pub enum UnknownModelPolicy {
    /// It goes on with `X-Gateway-Model-Name` alone; the routes decide.
    #[default]
    Pass,
    /// It is answered 404 `model_not_found`.
    Reject,
}

/// What to do with a body that has no `model`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase")]
pub enum MissingModelPolicy {
    /// It goes on with neither header; the routes decide.
    #[default]
    Pass,
    /// It is answered 400 `missing_required_parameter`.
    Reject,
}

/// What decides between several targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase")]
pub enum SplitBy {
    /// The `x-request-id` header: the same id gets the same target. Chance, if there is
    /// no such header.
    #[default]
    RequestId,
    /// Chance, for each request anew.
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
            learn_adapters: false,
            prompt_digest: None,
            serve_models: false,
        }
    }
}

impl Default for PromptDigestConfig {
    fn default() -> Self {
        Self { characters_per_token: 4, block_tokens: 64, max_blocks: 128 }
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
