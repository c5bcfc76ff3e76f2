//! Whether objects have the shape their CRDs demand.
//!
//! Invariant: a field that a CRD does not have is a fault, since the API server drops it. The
//! schemas of Istio's kinds and of HTTPRoutes stand in `istio/crds`; further CRDs are taken
//! from `../shared/crds`, beside the project, where that is. A kind without a schema is not
//! judged. Rules that CRDs have in CEL are not evaluated.

use super::cases;
use super::platform::documents;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// A schema without tolerance for unknown fields.
fn strict(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else {
        schema.as_array_mut().into_iter().flatten().for_each(strict);
        return;
    };
    map.values_mut().for_each(strict);
    let keeps = map.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    if map.get("properties").is_some_and(Value::is_object) && !keeps {
        map.entry("additionalProperties").or_insert(Value::Bool(false));
    }
}

fn kept(kind: &str) -> Option<Value> {
    let file = match kind {
        "EnvoyFilter" => "envoyfilter.json",
        "HTTPRoute" => "httproute.json",
        "WasmPlugin" => "wasmplugin.json",
        _ => return None,
    };
    let path = cases::folder().join("../../istio/crds").join(file);
    Some(serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
}

/// The folder beside the project, if it is there.
fn shared() -> Option<PathBuf> {
    let folder = cases::folder().join("../../../shared/crds");
    folder.is_dir().then_some(folder)
}

fn beside(api_version: &str, kind: &str) -> Option<Value> {
    let (group, version) = api_version.split_once('/')?;
    let files = fs::read_dir(shared()?).unwrap().map(|entry| entry.unwrap().path());
    let crds = files.flat_map(|file| documents(&fs::read_to_string(file).unwrap()));
    let own = |crd: &Value| crd["spec"]["group"] == group && crd["spec"]["names"]["kind"] == kind;
    let mut versions = crds
        .filter(own)
        .flat_map(|crd| crd["spec"]["versions"].as_array().cloned().unwrap_or_default());
    let mut found = versions.find(|one| one["name"] == version)?;
    let mut schema = found["schema"]["openAPIV3Schema"].take();
    // The API server has its own idea of these two.
    schema["properties"]["metadata"] = serde_json::json!({"type": "object"});
    Some(schema)
}

/// What is wrong with an object; none if no schema of its kind is at hand.
pub fn faults(object: &Value) -> Option<Vec<String>> {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let mut schema = kept(kind).or_else(|| beside(api_version, kind))?;
    strict(&mut schema);
    let validator = jsonschema::validator_for(&schema).unwrap();
    let fault =
        |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
    Some(validator.iter_errors(object).map(fault).collect())
}

#[test]
fn pools_and_objectives_are_judged_where_their_crds_are_at_hand() {
    let pool = serde_json::json!({
        "apiVersion": "inference.networking.k8s.io/v1", "kind": "InferencePool",
        "metadata": {"name": "p"},
        "spec": {
            "selector": {"matchLabels": {"app": "p"}},
            "targetPorts": [{"number": 8000}],
            "endpointPickerRef": {"name": "epp", "port": {"number": 9002}},
        },
    });
    if shared().is_none() {
        eprintln!("skipped: the CRDs beside the project are not there");
        return;
    }
    assert_eq!(faults(&pool), Some(Vec::new()));
    let mut wrong = pool.clone();
    wrong["spec"]["targetPorts"][0]["number"] = serde_json::json!(70_000);
    let mut unknown = pool;
    unknown["spec"]["targetPortNumber"] = serde_json::json!(8000);
    for object in [wrong, unknown] {
        assert_eq!(faults(&object).unwrap().len(), 1, "{object}");
    }
}
