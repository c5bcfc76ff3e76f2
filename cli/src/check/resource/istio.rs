//! Istio's EnvoyFilter.

use super::{Finding, ResourceFault};
use crate::diagnostics::{FaultKind, Origin, Shape};
use crate::proxy::{self, Plugin, Role, find_plugins};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What EnvoyFilters of a set do together: they may share the work.
#[derive(Debug, Default)]
pub(in crate::check) struct Patches {
    /// Plugins, and the filters' names they are configured under.
    configured: BTreeMap<String, Plugin>,
    /// Names put into chains with `config_discovery`, and their places.
    inserted: BTreeMap<String, Origin>,
    /// The least buffer limit that is set.
    buffer: Option<(u64, Origin)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    #[serde(default)]
    config_patches: Vec<Patch>,
    #[serde(default, rename = "workloadSelector")]
    _workload_selector: Value,
    #[serde(default, rename = "targetRefs")]
    _target_refs: Value,
    #[serde(default, rename = "priority")]
    _priority: Option<i32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Patch {
    apply_to: String,
    #[serde(default, rename = "match")]
    _match: Value,
    #[serde(default)]
    patch: Change,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    #[serde(default)]
    operation: String,
    #[serde(default)]
    value: Value,
    #[serde(default, rename = "filterClass")]
    _filter_class: Value,
}

const APPLY_TO: [&str; 12] = [
    "LISTENER",
    "FILTER_CHAIN",
    "NETWORK_FILTER",
    "HTTP_FILTER",
    "ROUTE_CONFIGURATION",
    "VIRTUAL_HOST",
    "HTTP_ROUTE",
    "CLUSTER",
    "EXTENSION_CONFIG",
    "BOOTSTRAP",
    "LISTENER_FILTER",
    "INVALID",
];
const OPERATIONS: [&str; 8] = [
    "MERGE",
    "ADD",
    "REMOVE",
    "INSERT_BEFORE",
    "INSERT_AFTER",
    "INSERT_FIRST",
    "REPLACE",
    "INVALID",
];

/// Checks an EnvoyFilter by itself, and notes what it does for the others.
pub(in crate::check) fn envoy_filter(
    document: &Value,
    at: &dyn Fn(&str) -> Origin,
    patches: &mut Patches,
    findings: &mut Vec<Finding>,
) -> Vec<Plugin> {
    let spec = document.get("spec").cloned().unwrap_or_default();
    let spec: Spec = match serde_path_to_error::deserialize(spec) {
        Ok(spec) => spec,
        Err(error) => {
            let path = format!("spec.{}", error.path()).replace(['[', ']'], ".");
            let path = path.replace("..", ".").trim_end_matches(['.', '?']).to_owned();
            let reason = Shape::Type(error.inner().to_string());
            let kind =
                FaultKind::Field { kind: "EnvoyFilter".to_owned(), path: path.clone(), reason };
            findings.push(Finding::new(at(&path), kind));
            return Vec::new();
        }
    };
    let mut plugins = Vec::new();
    for (index, patch) in spec.config_patches.iter().enumerate() {
        let path = format!("spec.configPatches.{index}");
        for (value, known, field, expected) in [
            (&patch.apply_to, APPLY_TO.as_slice(), "applyTo", "a value of EnvoyFilter's applyTo"),
            (
                &patch.patch.operation,
                OPERATIONS.as_slice(),
                "patch.operation",
                "an operation of EnvoyFilter",
            ),
        ] {
            if !known.contains(&value.as_str()) {
                let path = format!("{path}.{field}");
                let (kind, value) = ("EnvoyFilter", value.clone());
                findings.push(Finding::new(
                    at(&path),
                    ResourceFault::Value { kind, path, value, expected },
                ));
            }
        }
        let value = &patch.patch.value;
        let below = format!("{path}.patch.value");
        let mut found = Vec::new();
        find_plugins(value, &below, &|path, _| at(path), &mut found);
        let name = proxy::text(value, "/name").unwrap_or_default().to_owned();
        match patch.apply_to.as_str() {
            "EXTENSION_CONFIG" => {
                patches
                    .configured
                    .extend(found.iter().map(|plugin| (name.clone(), plugin.clone())));
            }
            "HTTP_FILTER" => patches.insert(&name, value, at(&below), findings),
            "LISTENER" => {
                let limit = proxy::number(value, "/per_connection_buffer_limit_bytes");
                let least = patches.buffer.as_ref().map(|(least, _)| *least);
                if let Some(limit) = limit.filter(|limit| least.is_none_or(|least| *limit < least))
                {
                    patches.buffer = Some((limit, at(&below)));
                }
            }
            _ => {}
        }
        found.iter().for_each(|plugin| super::plugin::check(plugin, findings));
        plugins.extend(found);
    }
    plugins
}

impl Patches {
    fn insert(&mut self, name: &str, value: &Value, origin: Origin, findings: &mut Vec<Finding>) {
        let Some(discovery) = value.get("config_discovery") else { return };
        let urls = proxy::list(discovery, "/type_urls");
        let allows =
            |wanted: &str| urls.iter().filter_map(Value::as_str).any(|url| url.ends_with(wanted));
        // Other projects' filters are none of this check's business.
        let own = proxy::role_by_name([name]).is_some() || self.configured.contains_key(name);
        for missing in [
            "envoy.extensions.filters.http.wasm.v3.Wasm",
            "envoy.extensions.filters.http.rbac.v3.RBAC",
        ] {
            if own && !allows(missing) {
                let fault = ResourceFault::TypeUrls { name: name.to_owned(), missing };
                findings.push(Finding::new(origin.clone(), fault));
            }
        }
        self.inserted.insert(name.to_owned(), origin);
    }

    /// What the EnvoyFilters of a set lack together.
    pub(in crate::check) fn check(&self, findings: &mut Vec<Finding>) {
        let mut add = |origin: &Origin, fault| findings.push(Finding::new(origin.clone(), fault));
        for (name, plugin) in &self.configured {
            if !self.inserted.contains_key(name) {
                add(&plugin.origin, ResourceFault::NotInserted { name: name.clone() });
            }
            let Some(settings) = (plugin.role == Role::Bbr).then(|| plugin.bbr().ok()).flatten()
            else {
                continue;
            };
            match &self.buffer {
                None => add(&plugin.origin, ResourceFault::NoBuffer),
                Some((limit, origin)) if *limit < settings.max_body_bytes => {
                    let (limit, body) = (*limit, settings.max_body_bytes);
                    add(origin, ResourceFault::BufferTooSmall { limit, body });
                }
                Some(_) => {}
            }
        }
        for (name, origin) in &self.inserted {
            if proxy::role_by_name([name.as_str()]).is_some() && !self.configured.contains_key(name)
            {
                add(origin, ResourceFault::NotConfigured { name: name.clone() });
            }
        }
    }
}
