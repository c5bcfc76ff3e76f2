//! What is rendered for Istio works in Envoy, once Istio's part in it is done by hand: the
//! listener and clusters it makes of a Gateway and InferencePools, its patches in their
//! order, and the modules as files.
//!
//! Not covered, for want of a cluster here: that Istio does the same.

use super::cases;
use envoy_runner::{Bootstrap, Envoy, Options, free_ports, obtain};
use igw::render::Target;
use serde::Deserialize;
use serde_json::{Value, json};
use simulator::{Config, Server};
use std::path::Path;
use std::time::Duration;

const BASE: &str = "X-Gateway-Base-Model-Name";

fn documents(text: &str) -> Vec<Value> {
    serde_yaml_ng::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
}

/// The documents of a file that is rendered for guide 003.
fn rendered(file: &str) -> Vec<Value> {
    let (intent, _) = cases::intent(&cases::sources("guides/003"));
    let files = cases::rendered(&intent, Target::Istio).unwrap();
    documents(&files.iter().find(|one| one.path == Path::new(file)).unwrap().text)
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

#[test]
fn envoyfilters_and_httproutes_have_the_shape_their_crds_demand() {
    let mut seen = 0;
    for case in cases::all() {
        let (intent, _) = cases::intent(&cases::sources(&case));
        for file in cases::rendered(&intent, Target::Istio).into_iter().flatten() {
            for document in documents(&file.text) {
                let schema = match document["kind"].as_str() {
                    Some("EnvoyFilter") => "envoyfilter.json",
                    Some("HTTPRoute") => "httproute.json",
                    Some("WasmPlugin") => continue,
                    other => panic!("{case}: {other:?}"),
                };
                let path = cases::folder().join("../../istio/crds").join(schema);
                let text = std::fs::read_to_string(path).unwrap();
                let mut schema: Value = serde_json::from_str(&text).unwrap();
                strict(&mut schema);
                let validator = jsonschema::validator_for(&schema).unwrap();
                let faults: Vec<_> =
                    validator.iter_errors(&document).map(|e| e.to_string()).collect();
                assert!(faults.is_empty(), "{case}: {faults:?}");
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

/// A Wasm filter whose module is a file instead of an image.
fn local(mut filter: Value, module: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist").join(module);
    assert!(path.is_file(), "run `cargo xtask build`");
    filter["typed_config"]["config"]["vm_config"]["code"] = json!({"local": {"filename": path}});
    filter
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

/// The cluster that Istio makes of an InferencePool.
fn cluster(name: &str, server: &Server) -> Value {
    json!({
        "name": name,
        "connect_timeout": "2s",
        "load_balancing_policy": {"policies": [{"typed_extension_config": {
            "name": "envoy.load_balancing_policies.override_host",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost",
                "override_host_sources": [{"metadata": {
                    "key": "envoy.lb",
                    "path": [{"key": "x-gateway-destination-endpoint"}],
                }}],
                "fallback_policy": {"policies": [{"typed_extension_config": {
                    "name": "envoy.load_balancing_policies.round_robin",
                    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin"},
                }}]},
            },
        }}]},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [
            // One that refuses connections, which only the picker knows to avoid.
            {"endpoint": {"address": {"socket_address": {"address": "127.0.0.2", "port_value": 1}}}},
            {"endpoint": {"address": {"socket_address": {
                "address": "127.0.0.1", "port_value": server.addr().port(),
            }}}},
        ]}]},
    })
}

#[test]
fn requests_reach_the_endpoints_that_the_picker_names() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let models = [
        ("vllm-llama3-8b-instruct", "meta-llama/Llama-3.1-8B-Instruct", "food-review-1"),
        ("vllm-deepseek-r1", "deepseek/vllm-deepseek-r1", "ski-resorts"),
    ];
    let wasm = rendered("picker.yaml").remove(0);
    let pools = wasm["spec"]["pluginConfig"]["pools"].as_array().unwrap().clone();
    let named = |pool: &str| {
        let found = pools.iter().find(|one| one["name"] == pool).unwrap();
        found["cluster"].as_str().unwrap().to_owned()
    };
    let servers: Vec<Server> = models
        .iter()
        .map(|(pool, base, adapter)| {
            let config = Config {
                name: (*pool).to_owned(),
                model: (*base).to_owned(),
                adapters: vec![(*adapter).to_owned().into()],
                ..Config::default()
            };
            runtime.block_on(Server::start(config)).unwrap()
        })
        .collect();
    let ports = free_ports(2).unwrap();
    let mut clusters: Vec<Value> = rendered("picker.yaml")
        .remove(1)
        .pointer("/spec/configPatches")
        .and_then(Value::as_array)
        .unwrap()
        .iter()
        .filter(|patch| patch["applyTo"] == "CLUSTER")
        .map(|patch| patch["patch"]["value"].clone())
        .collect();
    let admin = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
    *clusters[1].pointer_mut(admin).unwrap() =
        json!({"address": "127.0.0.1", "port_value": ports[1]});
    let mut routes = Vec::new();
    for ((pool, base, _), server) in models.iter().zip(&servers) {
        clusters.push(cluster(&named(pool), server));
        routes.push(json!({
            "match": {"prefix": "/", "headers": [{"name": BASE, "string_match": {"exact": base}}]},
            "route": {"cluster": named(pool)},
        }));
    }
    let bootstrap = json!({
        "node": {"id": "gateway", "cluster": "gateway"},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": ports[1]}}},
        "static_resources": {
            "clusters": clusters,
            "listeners": [{
                "address": {"socket_address": {"address": "127.0.0.1", "port_value": ports[0]}},
                "filter_chains": [{"filters": [{
                    "name": "envoy.filters.network.http_connection_manager",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                        "stat_prefix": "gateway",
                        "http_filters": filters(),
                        "route_config": {"virtual_hosts": [
                            {"name": "all", "domains": ["*"], "routes": routes},
                        ]},
                    },
                }]}],
            }],
        },
    });
    let bootstrap = Bootstrap::parse(&bootstrap.to_string()).unwrap();
    let mut envoy = Envoy::start(&obtain(None).unwrap(), &bootstrap, Options::default()).unwrap();
    envoy.wait_ready(Duration::from_secs(60)).unwrap();
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder().http_status_as_error(false).build(),
    );
    let url = format!("http://127.0.0.1:{}/v1/completions", ports[0]);
    let send = |model: &str| {
        let body = json!({"model": model, "prompt": "x", "max_tokens": 1}).to_string();
        let request = agent.post(&url).header("content-type", "application/json");
        let answer = request.send(body).unwrap();
        let header = |name: &str| {
            let value = answer.headers().get(name);
            value.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        (answer.status().as_u16(), header("x-inference-pod"), header("x-gateway-picker"))
    };
    for (pool, base, adapter) in models {
        // Until the endpoints are known and the dead one has failed its scrapes.
        let mut last = (0, String::new(), String::new());
        let found = (0..100).any(|_| {
            last = send(base);
            let knows = last.2.contains("why=picked;") && !last.2.contains("127.0.0.2:");
            let ready = last.0 == 200 && knows;
            if !ready {
                std::thread::sleep(Duration::from_millis(100));
            }
            ready
        });
        assert!(found, "{pool}: {last:?}\n{}", envoy.log_tail());
        for model in [base, adapter].repeat(10) {
            let (status, pod, picker) = send(model);
            assert_eq!((status, pod.as_str()), (200, pool), "{model}: {picker}");
            assert!(picker.contains(&format!("pool={pool};")), "{picker}");
        }
    }
    envoy.stop().unwrap();
}
