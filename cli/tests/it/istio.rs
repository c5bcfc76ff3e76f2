//! What is rendered for Istio works in Envoy, once Istio's part in it is done by hand: the
//! listener and clusters it makes of a Gateway and InferencePools, its patches in their
//! order, and the modules as files.
//!
//! That Istio does the same, `cargo xtask istio` shows, which takes long to compile.

use super::cases;
use super::crds::faults;
use super::platform::{MODELS, Made, cluster, documents, expect_picks, listener, local, route};
use igw::render::Target;
use serde_json::{Value, json};
use std::fs;

/// The documents of a file that is rendered for guide 003.
fn rendered(file: &str) -> Vec<Value> {
    super::platform::rendered(Target::Istio, file)
}

#[test]
fn all_objects_have_the_shape_their_crds_demand() {
    let mut seen = 0;
    for case in cases::all() {
        let (intent, _) = cases::intent(&cases::sources(&case));
        for target in [Target::Istio, Target::EnvoyGateway] {
            let files = cases::rendered(&intent, target);
            let objects = files.iter().flat_map(|file| documents(&file.text));
            // Those of Envoy Gateway itself have no schema here, Services are Kubernetes' own.
            let ours =
                objects.filter(|object| object["kind"] == "HTTPRoute" || target == Target::Istio);
            for object in ours {
                assert_eq!(faults(&object), Some(Vec::new()), "{case}");
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn an_object_with_a_wrong_or_unknown_field_is_found() {
    let filter = rendered("bbr.yaml").remove(0);
    let mut wrong = filter.clone();
    wrong["spec"]["configPatches"][0]["applyTo"] = json!("EXTENSION");
    let mut unknown = filter;
    unknown["spec"]["configPatch"] = json!([]);
    let mut plugin = rendered("picker.yaml").remove(0);
    plugin["spec"]["failPolicy"] = json!("FAIL_OPEN");
    for object in [wrong, unknown, plugin] {
        assert_eq!(faults(&object).unwrap().len(), 1, "{object}");
    }
}

#[test]
fn patches_are_applied_after_those_of_others() {
    // Istio applies patches by priority, and among equals by age: what is applied last is
    // inserted first.
    for file in ["bbr.yaml", "picker.yaml"] {
        let filters = rendered(file).into_iter().filter(|one| one["kind"] == "EnvoyFilter");
        let priorities: Vec<_> = filters.map(|one| one["spec"]["priority"].as_i64()).collect();
        assert!(!priorities.is_empty() && priorities.iter().all(|one| *one > Some(0)), "{file}");
    }
}

#[test]
fn metrics_have_the_same_labels_and_buckets_on_every_platform() {
    let file = |path: &str| {
        let text = fs::read_to_string(cases::folder().join("../../").join(path)).unwrap();
        documents(&text).remove(0)
    };
    let guides = file("envoy-config/guides.yaml")["stats_config"].take();
    assert_eq!(guides["stats_tags"].as_array().map(Vec::len), Some(4));
    let map = file("istio/metrics.yaml");
    let bootstrap = documents(map["data"]["bootstrap.yaml"].as_str().unwrap()).remove(0);
    let istio = &bootstrap["stats_config"];
    let proxy = file("envoy-gateway/metrics.yaml");
    let value = proxy["spec"]["bootstrap"]["value"].as_str().unwrap();
    let envoy_gateway = &documents(value)[0]["stats_config"];
    let imported = &file("envoy-config/imported.yaml")["stats_config"];
    for field in ["stats_tags", "histogram_bucket_settings"] {
        for other in [istio, envoy_gateway, imported] {
            assert_eq!(other[field], guides[field]);
        }
    }
}

/// The filters of a Gateway with InferencePools, as Istio has them, patched in order.
fn filters() -> Vec<Value> {
    let wasm = rendered("picker.yaml").remove(0);
    assert_eq!(wasm["kind"], "WasmPlugin");
    let picker = json!({"name": "picker", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": "picker",
            "vm_config": {"runtime": "envoy.wasm.runtime.v8"},
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": wasm["spec"]["pluginConfig"].to_string(),
            },
        },
    }});
    // Its server is not there: a request that reached it would fail.
    let ext_proc = json!({"name": "envoy.filters.http.ext_proc", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor",
        "grpc_service": {"google_grpc": {"target_uri": "127.0.0.1:1", "stat_prefix": "x"}},
    }});
    let router = json!({"name": "envoy.filters.http.router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
    }});
    let mut filters = vec![local(picker, "picker-filter.wasm"), ext_proc, router];
    let (bbr, around) = (rendered("bbr.yaml").remove(0), rendered("picker.yaml").remove(1));
    let patches = |filter: &Value| filter["spec"]["configPatches"].as_array().unwrap().clone();
    let mut extension = None;
    for patch in patches(&bbr).into_iter().chain(patches(&around)) {
        let value = patch["patch"]["value"].clone();
        let manager = &patch["match"]["listener"]["filterChain"]["filter"];
        let place = || {
            let name = &manager["subFilter"]["name"];
            filters.iter().position(|filter| filter["name"] == *name).unwrap()
        };
        match (patch["applyTo"].as_str(), patch["patch"]["operation"].as_str()) {
            (Some("EXTENSION_CONFIG"), Some("ADD")) => extension = Some(value),
            (Some("HTTP_FILTER"), Some("INSERT_FIRST")) => filters.insert(0, value),
            (Some("HTTP_FILTER"), Some("INSERT_BEFORE")) => filters.insert(place(), value),
            (Some("HTTP_FILTER"), Some("REMOVE")) => drop(filters.remove(place())),
            (Some("CLUSTER" | "LISTENER"), _) => {}
            other => panic!("{other:?}"),
        }
    }
    let extension = local(extension.unwrap(), "bbr-filter.wasm");
    let discovered = filters.iter().position(|filter| filter["name"] == extension["name"]);
    filters[discovered.unwrap()] = extension;
    filters
}

#[test]
fn requests_reach_the_endpoints_that_the_picker_names() {
    let wasm = rendered("picker.yaml").remove(0);
    let pools = wasm["spec"]["pluginConfig"]["pools"].as_array().unwrap();
    let named = |pool: &str| {
        let found = pools.iter().find(|one| one["name"] == pool).unwrap();
        found["cluster"].as_str().unwrap().to_owned()
    };
    // Istio's clusters of InferencePools take the endpoint from metadata.
    let source = json!({"metadata": {
        "key": "envoy.lb",
        "path": [{"key": "x-gateway-destination-endpoint"}],
    }});
    let fallback = json!({
        "name": "envoy.load_balancing_policies.round_robin",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin"},
    });
    expect_picks(|servers| {
        let patches = rendered("picker.yaml").remove(1)["spec"]["configPatches"].take();
        let added = patches.as_array().unwrap().iter().filter(|one| one["applyTo"] == "CLUSTER");
        let mut clusters: Vec<Value> = added.map(|one| one["patch"]["value"].clone()).collect();
        let mut routes = Vec::new();
        for ((pool, base, _), server) in MODELS.iter().zip(servers) {
            clusters.push(cluster(&named(pool), &source, &fallback, server));
            routes.push(route(base, &named(pool)));
        }
        Made { listener: listener(&filters(), &routes), clusters }
    });
}
