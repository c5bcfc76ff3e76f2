//! HTTPRoutes: those that no document defines, which the import added and said so, and on
//! targets whose routes have other backends all of them.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::{RenderError, RenderedFile};
use crate::intent::{
    Backend, Destination, Intent, Match, PathMatch, Route, Rule, Timeouts, ValueMatch,
};

/// `routes.yaml`; none if there is nothing to add.
///
/// # Errors
/// None that can happen.
pub fn implied(intent: &Intent) -> Result<Option<RenderedFile>, RenderError> {
    let routes = intent.routes.iter().filter(|route| route.implied);
    let manifests = routes.map(|route| manifest(route, &|to: &Backend| vec![backend(to)]));
    let text = documents("# Routes that no manifest has and the known models need.\n", manifests)?;
    Ok(text.map(|text| RenderedFile { path: PathBuf::from("routes.yaml"), text }))
}

/// Objects as YAML documents behind a comment; none if there are none.
pub(super) fn documents(
    head: &str,
    manifests: impl Iterator<Item = Manifest>,
) -> Result<Option<String>, RenderError> {
    let mut text = String::new();
    for manifest in manifests {
        let yaml = serde_yaml_ng::to_string(&manifest).map_err(|error| RenderError::Write {
            what: manifest.kind,
            reason: error.to_string(),
        })?;
        text += "---\n";
        text += &yaml;
    }
    Ok((!text.is_empty()).then(|| format!("{head}{text}")))
}

/// An object, its fields in the order in which people write them.
#[derive(Serialize)]
pub(super) struct Manifest {
    #[serde(rename = "apiVersion")]
    pub(super) api_version: &'static str,
    pub(super) kind: &'static str,
    pub(super) metadata: Value,
    pub(super) spec: Value,
}

/// A route's HTTPRoute, with the references that `backends` makes of a backend.
pub(super) fn manifest(route: &Route, backends: &dyn Fn(&Backend) -> Vec<Value>) -> Manifest {
    let parents: Vec<_> = route
        .parents
        .iter()
        .map(|parent| {
            let mut reference = json!({
                "group": "gateway.networking.k8s.io",
                "kind": "Gateway",
                "name": parent.gateway.name,
                "namespace": parent.gateway.namespace,
            });
            put(&mut reference, "sectionName", parent.section.as_ref().map(|name| json!(name)));
            put(&mut reference, "port", parent.port.map(|port| json!(port)));
            reference
        })
        .collect();
    let mut spec = json!({"parentRefs": parents});
    let hosts = (!route.hostnames.is_empty()).then(|| json!(route.hostnames));
    put(&mut spec, "hostnames", hosts);
    let rules = route.rules.iter().map(|one| rule(one, backends)).collect();
    put(&mut spec, "rules", Some(rules));
    Manifest {
        api_version: "gateway.networking.k8s.io/v1",
        kind: "HTTPRoute",
        metadata: json!({"name": route.name.name, "namespace": route.name.namespace}),
        spec,
    }
}

fn rule(rule: &Rule, backends: &dyn Fn(&Backend) -> Vec<Value>) -> Value {
    let matches: Value = rule.matches.iter().map(condition).collect();
    let backends: Value = rule.backends.iter().flat_map(backends).collect();
    let mut manifest = json!({"matches": matches, "backendRefs": backends});
    put(&mut manifest, "timeouts", timeouts(&rule.timeouts));
    manifest
}

fn timeouts(timeouts: &Timeouts) -> Option<Value> {
    let mut written = json!({});
    put(&mut written, "request", timeouts.request.map(duration));
    put(&mut written, "backendRequest", timeouts.backend_request.map(duration));
    written.as_object().is_some_and(|map| !map.is_empty()).then_some(written)
}

/// As the Gateway API writes durations (GEP-2257): up to five digits of a unit.
fn duration(duration: Duration) -> Value {
    let (seconds, rest) = (duration.as_secs(), duration.subsec_millis());
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let parts = parts.into_iter().chain([(u64::from(rest), "ms")]);
    let text: String = parts
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    json!(if text.is_empty() { "0s".to_owned() } else { text })
}

fn condition(when: &Match) -> Value {
    let (kind, path) = match &when.path {
        PathMatch::Exact(path) => ("Exact", path),
        PathMatch::Prefix(path) => ("PathPrefix", path),
        PathMatch::Regex(path) => ("RegularExpression", path),
    };
    let mut condition = json!({"path": {"type": kind, "value": path}});
    put(&mut condition, "method", when.method.as_ref().map(|method| json!(method)));
    put(&mut condition, "headers", values(&when.headers));
    put(&mut condition, "queryParams", values(&when.query));
    condition
}

fn values(values: &[ValueMatch]) -> Option<Value> {
    let one = |value: &ValueMatch| {
        let (kind, text) = match &value.value {
            crate::intent::Value::Exact(text) => ("Exact", text),
            crate::intent::Value::Regex(text) => ("RegularExpression", text),
        };
        json!({"type": kind, "name": value.name, "value": text})
    };
    (!values.is_empty()).then(|| values.iter().map(one).collect())
}

/// A reference to a backend as it is.
pub(super) fn backend(backend: &Backend) -> Value {
    match &backend.to {
        Destination::Pool(pool) => json!({
            "group": "inference.networking.k8s.io",
            "kind": "InferencePool",
            "name": pool.name,
            "namespace": pool.namespace,
            "weight": backend.weight,
        }),
        Destination::Service { name, port } => json!({
            "kind": "Service",
            "name": name.name,
            "namespace": name.namespace,
            "port": port,
            "weight": backend.weight,
        }),
    }
}

/// Sets a field that may be left out.
pub(super) fn put(object: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(name.to_owned(), value);
    }
}
