//! HTTPRoutes that no document defines: the import added them, and said so.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Value, json};

use super::{RenderError, RenderedFile};
use crate::intent::{Backend, Destination, Intent, Match, PathMatch, Route, Rule, ValueMatch};

/// `routes.yaml`; none if there is nothing to add.
///
/// # Errors
/// None that can happen.
pub fn implied(intent: &Intent) -> Result<Option<RenderedFile>, RenderError> {
    let routes = intent.routes.iter().filter(|route| route.implied);
    let mut text = String::new();
    for manifest in routes.map(route) {
        let yaml = serde_yaml_ng::to_string(&manifest).map_err(|error| RenderError::Write {
            what: "an HTTPRoute",
            reason: error.to_string(),
        })?;
        text += "---\n";
        text += &yaml;
    }
    let head = "# Routes that no manifest has and the known models need.\n";
    let path = PathBuf::from("routes.yaml");
    Ok((!text.is_empty()).then(|| RenderedFile { path, text: format!("{head}{text}") }))
}

/// An HTTPRoute, its fields in the order in which people write them.
#[derive(Serialize)]
struct Manifest {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    kind: &'static str,
    metadata: Value,
    spec: Value,
}

fn route(route: &Route) -> Manifest {
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
    put(&mut spec, "rules", Some(route.rules.iter().map(rule).collect()));
    Manifest {
        api_version: "gateway.networking.k8s.io/v1",
        kind: "HTTPRoute",
        metadata: json!({"name": route.name.name, "namespace": route.name.namespace}),
        spec,
    }
}

fn rule(rule: &Rule) -> Value {
    let matches: Value = rule.matches.iter().map(condition).collect();
    let backends: Value = rule.backends.iter().map(backend).collect();
    json!({"matches": matches, "backendRefs": backends})
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

fn backend(backend: &Backend) -> Value {
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

fn put(object: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(name.to_owned(), value);
    }
}
