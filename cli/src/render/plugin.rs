//! The JSON configurations of both filters, the same on every platform.
//!
//! Invariant: the filters accept what stands here (a test has them read it), and fields
//! that would have their default are left out. Rejected: writing the filters' own
//! configuration types; they are made to be read, and would spell out every default.

use super::{Options, RenderError, json};
use crate::intent::{Criticality, FailureMode, Intent, PathMatch, Pool, ServerKind};
use serde::Serialize;
use shared::bbr::BbrConfig;
use std::collections::BTreeSet;

/// How a platform knows a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The name of the pool's Envoy cluster.
    pub cluster: String,
    /// Further clusters with the same endpoints.
    pub other_clusters: Vec<String>,
    /// The name of the Envoy cluster that leads to Envoy's own admin interface.
    pub admin: String,
}

/// The configuration of the BBR filter.
///
/// # Errors
/// None that can happen.
pub fn bbr(intent: &Intent, options: &Options) -> Result<String, RenderError> {
    let bases = intent.catalog.bases.iter();
    let rewrites = intent.catalog.rewrites.iter();
    let bytes = options.max_body_bytes;
    let defaults = BbrConfig::default();
    write(&Bbr {
        base_models: bases
            .map(|base| BaseModel { name: &base.name, adapters: &base.adapters })
            .collect(),
        model_rewrites: rewrites
            .map(|rewrite| Rewrite {
                model: &rewrite.model,
                targets: rewrite
                    .targets
                    .iter()
                    .map(|target| Target { model: &target.model, weight: target.weight })
                    .collect(),
            })
            .collect(),
        on_unknown_model: options.reject_unknown_models.then_some("reject"),
        max_body_bytes: (u64::from(bytes) != defaults.max_body_bytes).then_some(bytes),
        paths: paths(intent, defaults.paths),
        serve_models: true,
    })
}

/// The configuration of the picker filter for the pools that `bind` knows.
///
/// # Errors
/// None that can happen.
pub fn picker(
    intent: &Intent,
    options: &Options,
    bind: impl Fn(&Pool) -> Option<Binding>,
) -> Result<String, RenderError> {
    let pools = intent.pools.iter().filter_map(|pool| Some((pool, bind(pool)?)));
    let mut objectives: Vec<Objective<'_>> = intent
        .objectives
        .iter()
        .map(|one| Objective { name: &one.name.name, priority: one.priority })
        .collect();
    objectives.sort();
    objectives.dedup();
    let models = intent.model_priorities.iter();
    write(&Picker {
        pools: pools
            .map(|(pool, binding)| PoolJson {
                name: &pool.id,
                cluster: (binding.cluster != pool.id).then_some(binding.cluster),
                other_clusters: binding.other_clusters,
                endpoints: Discovered { envoy_admin: binding.admin },
                server: server(pool.servers.kind),
                fail_open: pool.failure_mode == FailureMode::Open,
            })
            .collect(),
        objectives,
        models: models
            .map(|one| Model { name: &one.model, criticality: criticality(one.criticality) })
            .collect(),
        explain: options.explain,
    })
}

/// The paths whose bodies are read: the filter's own and what lies below the routes'
/// prefixes; none if that is the same.
fn paths(intent: &Intent, defaults: Vec<String>) -> Vec<String> {
    let matches = intent.routes.iter().flat_map(|route| &route.rules).flat_map(|r| &r.matches);
    let own = |path: &str| {
        let reads = |pattern: &String| match pattern.strip_suffix('*') {
            Some(start) => path.starts_with(start) || format!("{path}/") == start,
            None => path == pattern,
        };
        defaults.iter().any(reads)
    };
    // `*` stands at a pattern's ends only; no filter could read such a path.
    let plain = |path: &&str| !path.contains(['*', '?']);
    let added: BTreeSet<String> = matches
        .filter_map(|one| match &one.path {
            PathMatch::Prefix(path) if path != "/" => Some((path.as_str(), "/*")),
            PathMatch::Exact(path) => Some((path.as_str(), "")),
            PathMatch::Prefix(_) | PathMatch::Regex(_) => None,
        })
        .filter(|(path, _)| plain(path) && !own(path))
        .map(|(path, end)| format!("{path}{end}"))
        .collect();
    if added.is_empty() { Vec::new() } else { defaults.into_iter().chain(added).collect() }
}

fn server(kind: ServerKind) -> Option<&'static str> {
    match kind {
        ServerKind::Auto => None,
        ServerKind::Vllm => Some("vllm"),
        ServerKind::Sglang => Some("sglang"),
        ServerKind::Trtllm => Some("tensorrt-llm"),
        ServerKind::Triton => Some("triton"),
    }
}

fn criticality(criticality: Criticality) -> &'static str {
    match criticality {
        Criticality::Critical => "Critical",
        Criticality::Standard => "Standard",
        Criticality::Sheddable => "Sheddable",
    }
}

fn write(value: &impl Serialize) -> Result<String, RenderError> {
    let text = json::write(value);
    text.map_err(|error| RenderError::Write {
        what: "a plugin's configuration",
        reason: error.to_string(),
    })
}

fn no(value: &bool) -> bool {
    !value
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bbr<'a> {
    base_models: Vec<BaseModel<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    model_rewrites: Vec<Rewrite<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_unknown_model: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_body_bytes: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paths: Vec<String>,
    serve_models: bool,
}

#[derive(Serialize)]
struct BaseModel<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    adapters: &'a [String],
}

#[derive(Serialize)]
struct Rewrite<'a> {
    model: &'a str,
    targets: Vec<Target<'a>>,
}

#[derive(Serialize)]
struct Target<'a> {
    model: &'a str,
    weight: u32,
}

#[derive(Serialize)]
struct Picker<'a> {
    pools: Vec<PoolJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    objectives: Vec<Objective<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    models: Vec<Model<'a>>,
    #[serde(skip_serializing_if = "no")]
    explain: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PoolJson<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other_clusters: Vec<String>,
    endpoints: Discovered,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'static str>,
    #[serde(skip_serializing_if = "no")]
    fail_open: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Discovered {
    envoy_admin: String,
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Objective<'a> {
    name: &'a str,
    priority: i32,
}

#[derive(Serialize)]
struct Model<'a> {
    name: &'a str,
    criticality: &'static str,
}
