//! The manifests in istio/: they have the shape their CRDs demand, they route the guides'
//! requests to the guides' pools, and Envoy runs the filter in the form they give it.
//!
//! Not covered, for want of a cluster here: what Istio makes of them, and the rules that
//! CRDs have beyond their schemas.

use super::pools::POOLS;
use super::ports::Ports;
use super::{requests, send};
use crate::project;
use envoy_runner::{Bootstrap, Envoy, Options, obtain};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::bbr::Settings;
use std::fs;
use std::time::Duration;

const HEADERS: [&str; 2] = ["X-Gateway-Model-Name", "X-Gateway-Base-Model-Name"];

fn manifests(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(project::root().join("istio").join(file)).unwrap();
    serde_yaml_ng::Deserializer::from_str(&text)
        .map(|manifest| Value::deserialize(manifest).unwrap())
        .collect()
}

/// A CRD's schema without tolerance for unknown fields, which the API server would drop.
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

fn faults(schema: &str, manifest: &Value) -> Vec<String> {
    let path = project::root().join("istio/crds").join(schema);
    let mut schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    strict(&mut schema);
    let validator = jsonschema::validator_for(&schema).unwrap();
    let fault =
        |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
    validator.iter_errors(manifest).map(fault).collect()
}

#[test]
fn the_manifests_have_the_shape_their_crds_demand() {
    for (file, schema) in [("bbr.yaml", "envoyfilter.json"), ("httproutes.yaml", "httproute.json")]
    {
        for manifest in manifests(file) {
            let faults = faults(schema, &manifest);
            assert!(faults.is_empty(), "{file}: {faults:?}");
        }
    }
}

#[test]
fn a_manifest_with_a_wrong_or_unknown_field_is_found() {
    let right = manifests("bbr.yaml").remove(0);
    let mut wrong = right.clone();
    wrong["spec"]["configPatches"][0]["applyTo"] = json!("EXTENSION");
    let mut unknown = right.clone();
    unknown["spec"]["configPatch"] = json!([]);
    let mut route = manifests("httproutes.yaml").remove(0);
    route["spec"]["rules"][0]["matches"][0]["headers"] = json!({"name": "a", "value": "b"});
    assert_eq!(faults("envoyfilter.json", &wrong).len(), 1);
    assert_eq!(faults("envoyfilter.json", &unknown).len(), 1);
    assert!(!faults("httproute.json", &route).is_empty());
}

/// The pools whose routes match these headers.
fn pools_for(routes: &[Value], headers: [Option<&str>; 2]) -> Vec<String> {
    let is_set = |header: &Value| {
        let value = HEADERS.iter().position(|name| header["name"] == *name).unwrap();
        headers[value].is_some() && header["value"].as_str() == headers[value]
    };
    let rules = routes.iter().flat_map(|route| route["spec"]["rules"].as_array().unwrap());
    rules
        .filter(|rule| {
            let mut matches = rule["matches"].as_array().unwrap().iter();
            matches.any(|one| one["headers"].as_array().unwrap().iter().all(is_set))
        })
        .map(|rule| rule["backendRefs"][0]["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn each_of_the_guides_requests_matches_the_route_to_its_pool_and_no_other() {
    let routes = manifests("httproutes.yaml");
    for request in requests::all() {
        let pools = pools_for(&routes, [Some(request.model), request.base]);
        assert_eq!(pools, [request.pool], "{request:?}");
    }
    assert_eq!(pools_for(&routes, [Some("nobody"), None]), [""; 0]);
    assert_eq!(pools_for(&routes, [None, None]), [""; 0]);
}

/// The value that a patch of the EnvoyFilter brings.
fn patch(kind: &str) -> Value {
    let filter = manifests("bbr.yaml").remove(0);
    let patches = filter["spec"]["configPatches"].as_array().unwrap();
    let patch = patches.iter().find(|patch| patch["applyTo"] == kind).unwrap();
    patch["patch"]["value"].clone()
}

#[test]
fn the_gateway_is_configured_as_in_the_static_configuration() {
    let plugin = &patch("EXTENSION_CONFIG")["typed_config"]["config"];
    let text = plugin["configuration"]["value"].as_str().unwrap();
    Settings::from_json(text.as_bytes()).unwrap();
    let bootstrap = Bootstrap::load(project::root().join("envoy-config/guides.yaml")).unwrap();
    let configuration: Value = serde_json::from_str(text).unwrap();
    assert_eq!(configuration, bootstrap.plugin_configuration("bbr").unwrap());
    let limit = "per_connection_buffer_limit_bytes";
    let listener = &bootstrap.value()["static_resources"]["listeners"][0];
    assert_eq!(patch("LISTENER")[limit].as_u64(), listener[limit].as_u64());
}

#[test]
fn envoy_routes_with_the_filter_as_the_manifest_discovers_it() {
    // What Istio's agent does: the module becomes a file. What its control plane does:
    // the extension's configuration comes by discovery, here from a file.
    let folder = tempfile::tempdir().unwrap();
    let mut extension = patch("EXTENSION_CONFIG");
    extension["@type"] = json!("type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig");
    let module = project::dist().join("bbr-filter.wasm");
    assert!(module.is_file(), "{} is missing: run `cargo xtask build`", module.display());
    extension["typed_config"]["config"]["vm_config"]["code"] =
        json!({"local": {"filename": module}});
    let discovered = folder.path().join("extension.json");
    let answer = json!({"version_info": "1", "resources": [extension]});
    fs::write(&discovered, answer.to_string()).unwrap();
    let mut filter = patch("HTTP_FILTER");
    assert_eq!(filter["name"], extension["name"]);
    let source = filter["config_discovery"]["config_source"].as_object_mut().unwrap();
    assert!(source.remove("ads").is_some());
    source.insert("path_config_source".to_owned(), json!({"path": discovered}));

    let ports = Ports::free().unwrap();
    let mut bootstrap = Bootstrap::load(project::root().join("envoy-config/guides.yaml")).unwrap();
    bootstrap.with_ports(&ports.mapping().unwrap()).unwrap();
    bootstrap.without_filter("picker").unwrap().edit(|value| {
        value["node"] = serde_yaml_ng::to_value(json!({"id": "a", "cluster": "b"})).unwrap();
        let listener = &mut value["static_resources"]["listeners"][0];
        let filters =
            &mut listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"];
        filters[0] = serde_yaml_ng::to_value(&filter).unwrap();
    });
    let mut envoy = Envoy::start(&obtain(None).unwrap(), &bootstrap, Options::default()).unwrap();
    envoy.wait_ready(Duration::from_secs(60)).unwrap();

    // Without model servers Envoy says which pool it could not reach.
    let client = send::Client::new(ports.gateway);
    for pool in POOLS {
        let request = requests::all().into_iter().find(|r| r.pool == pool.name).unwrap();
        assert_eq!(client.send(&request).status, Ok(503), "{request:?}");
        let stats =
            envoy.admin_get(&format!("/stats?filter=cluster.{}.upstream_rq_503", pool.name));
        assert!(stats.unwrap().contains("upstream_rq_503: 1"), "{}", pool.name);
    }
    envoy.stop().unwrap();
}
