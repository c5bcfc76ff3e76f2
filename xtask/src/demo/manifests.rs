//! The examples: the routes send the guides' requests to the guides' pools, and Envoy runs
//! the filter in the form that the manifest for Istio gives it.
//!
//! That the files are what `igw import` writes, and have the shape their CRDs demand, is
//! tested beside it; what Istio makes of them, by `cargo xtask istio`.

use super::pools::POOLS;
use super::ports::Ports;
use super::{requests, send};
use crate::project;
use envoy_runner::{Bootstrap, Envoy, Options, obtain};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::bbr::Settings;
use shared::models::Role;
use std::fs;
use std::time::Duration;

const HEADERS: [&str; 2] = ["X-Gateway-Model-Name", "X-Gateway-Base-Model-Name"];

fn manifests(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(project::root().join(file)).unwrap();
    serde_yaml_ng::Deserializer::from_str(&text)
        .map(|manifest| Value::deserialize(manifest).unwrap())
        .collect()
}

fn routes() -> Vec<Value> {
    let all = manifests("examples/guides.yaml").into_iter();
    all.filter(|manifest| manifest["kind"] == "HTTPRoute").collect()
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
    let routes = routes();
    for request in requests::all() {
        let pools = pools_for(&routes, [Some(request.model), request.base]);
        assert_eq!(pools, [request.pool], "{request:?}");
    }
    assert_eq!(pools_for(&routes, [Some("nobody"), None]), [""; 0]);
    assert_eq!(pools_for(&routes, [None, None]), [""; 0]);
}

/// The value that a patch of the EnvoyFilter brings; for HTTP filters, BBR.
fn patch(kind: &str) -> Value {
    let filter = manifests("istio/bbr.yaml").remove(0);
    let patches = filter["spec"]["configPatches"].as_array().unwrap();
    let mut values = patches
        .iter()
        .filter(|patch| patch["applyTo"] == kind)
        .map(|patch| patch["patch"]["value"].clone());
    values.find(|value| value["name"] != "resolve-route").unwrap()
}

#[test]
fn every_model_of_the_static_configuration_is_known_with_its_base() {
    let text = patch("EXTENSION_CONFIG")["typed_config"]["config"]["configuration"]["value"].take();
    let own = Settings::from_json(text.as_str().unwrap().as_bytes()).unwrap();
    let bootstrap = Bootstrap::load(project::root().join("envoy-config/guides.yaml")).unwrap();
    let guides = bootstrap.plugin_configuration("bbr").unwrap();
    for base in guides["baseModels"].as_array().unwrap() {
        let adapters = base["adapters"].as_array().into_iter().flatten();
        for model in adapters {
            let model = model.as_str().unwrap();
            let role = own.catalog.get(model).map(|(_, role)| role);
            let Some(Role::Adapter(own)) = role else { panic!("{model}: {role:?}") };
            assert_eq!(Some(own.as_str()), base["name"].as_str(), "{model}");
        }
    }
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
