//! What is rendered for Envoy Gateway works in Envoy, once Envoy Gateway's part in it is done
//! by hand: the listener and the clusters it makes of a Gateway, its routes and an
//! EnvoyExtensionPolicy, its patches in their order, and the modules as files.
//!
//! Not covered, for want of a cluster here: that Envoy Gateway does the same.

use super::cases;
use super::platform::{MODELS, Made, cluster, documents, expect_picks, listener, local, route};
use igw::render::Target;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn rendered(file: &str) -> Vec<Value> {
    super::platform::rendered(Target::EnvoyGateway, file)
}

fn policy(kind: &str) -> Value {
    rendered("policies.yaml").into_iter().find(|one| one["kind"] == kind).unwrap()
}

/// The name that Envoy Gateway gives the filter of a policy's Wasm extension.
fn name(policy: &Value, place: usize) -> String {
    let part = |name: &str| policy["metadata"][name].as_str().unwrap().to_owned();
    let (namespace, name) = (part("namespace"), part("name"));
    format!("envoy.filters.http.wasm/envoyextensionpolicy/{namespace}/{name}/wasm/{place}")
}

/// The filters of an EnvoyExtensionPolicy: off until a route switches them on.
fn filters(policy: &Value) -> Vec<Value> {
    let wasm = policy["spec"]["wasm"].as_array().unwrap();
    let filter = |(place, (wasm, module)): (usize, (&Value, &str))| {
        let filter = json!({"name": name(policy, place), "disabled": true, "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": wasm["name"],
                "root_id": wasm["rootID"],
                "fail_open": wasm["failOpen"],
                "vm_config": {"vm_id": name(policy, place), "runtime": "envoy.wasm.runtime.v8"},
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": wasm["config"].to_string(),
                },
            },
        }});
        local(filter, module)
    };
    let router = json!({"name": "envoy.filters.http.router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
    }});
    let modules = ["bbr-filter.wasm", "picker-filter.wasm"];
    wasm.iter().zip(modules).enumerate().map(filter).chain([router]).collect()
}

/// Patches filters as Envoy Gateway does: the JSON path finds one by name, the path names a
/// field in it; without one, something is added before it.
fn patch(filters: &mut Vec<Value>, operation: &Value) {
    let json_path = operation["jsonPath"].as_str().unwrap();
    let name = json_path.strip_prefix("..http_filters[?(@.name=='").unwrap();
    let name = name.strip_suffix("')]").unwrap();
    let place = filters.iter().position(|filter| filter["name"] == name).expect(name);
    let value = operation["value"].clone();
    match (operation["op"].as_str().unwrap(), operation["path"].as_str()) {
        ("add", None) => filters.insert(place, value),
        ("add", Some(path)) => {
            let (parent, field) = path.rsplit_once('/').unwrap();
            let parent = filters[place].pointer_mut(&format!("/{parent}")).unwrap();
            parent.as_object_mut().unwrap().insert(field.to_owned(), value);
        }
        ("replace", Some(path)) => {
            *filters[place].pointer_mut(&format!("/{path}")).expect(path) = value;
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn requests_reach_the_endpoints_that_the_picker_names() {
    let extension = policy("EnvoyExtensionPolicy");
    let mut filters = filters(&extension);
    let mut added = Vec::new();
    for one in policy("EnvoyPatchPolicy")["spec"]["jsonPatches"].as_array().unwrap() {
        let operation = &one["operation"];
        match one["type"].as_str().unwrap().rsplit('.').next().unwrap() {
            "Listener" => {
                assert_eq!(one["name"], "tcp-80");
                patch(&mut filters, operation);
            }
            "Cluster" => {
                assert_eq!((&operation["op"], &operation["path"]), (&json!("add"), &json!("")));
                assert_eq!(operation["value"]["name"], one["name"]);
                added.push(operation["value"].clone());
            }
            other => panic!("{other}"),
        }
    }
    let balancer = policy("BackendTrafficPolicy")["spec"]["loadBalancer"].take();
    let source = balancer.pointer("/endpointOverride/extractFrom/0").unwrap();
    assert_eq!(balancer["type"], "LeastRequest");
    let fallback = json!({
        "name": "envoy.load_balancing_policies.least_request",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest"},
    });
    expect_picks(|servers| {
        let mut routes = Vec::new();
        let mut clusters = added;
        for ((pool, base, _), server) in MODELS.iter().zip(servers) {
            let name = format!("httproute/default/{pool}/rule/0");
            clusters.push(cluster(&name, source, &fallback, server));
            let mut route = route(base, &name);
            // As the policy has it for every route.
            route["typed_per_filter_config"] = json!({});
            for place in 0..2 {
                let on = json!({
                    "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
                    "config": {},
                });
                route["typed_per_filter_config"][self::name(&extension, place)] = on;
            }
            routes.push(route);
        }
        Made { listener: listener(&filters, &routes), clusters }
    });
}

#[test]
fn each_pool_s_routes_lead_to_a_service_that_selects_its_pods_on_all_its_ports() {
    let mut seen = 0;
    for case in cases::all() {
        let (intent, _) = cases::intent(&cases::sources(&case));
        let files = cases::rendered(&intent, Target::EnvoyGateway);
        let all: Vec<Value> = files.iter().flat_map(|file| documents(&file.text)).collect();
        let kind = |kind: &'static str| all.iter().filter(move |one| one["kind"] == kind);
        let key = |namespace: &Value, name: &Value| format!("{namespace}/{name}");
        let services: BTreeMap<String, &Value> = kind("Service")
            .map(|one| (key(&one["metadata"]["namespace"], &one["metadata"]["name"]), one))
            .collect();
        for rule in kind("HTTPRoute").flat_map(|one| one["spec"]["rules"].as_array().unwrap()) {
            for backend in rule["backendRefs"].as_array().unwrap() {
                assert_eq!(backend["kind"], "Service", "{case}");
                let Some(service) = services.get(&key(&backend["namespace"], &backend["name"]))
                else {
                    continue;
                };
                assert_eq!(service["spec"]["clusterIP"], "None");
                assert!(!service["spec"]["selector"].as_object().unwrap().is_empty());
                let ports = service["spec"]["ports"].as_array().unwrap();
                assert!(ports.iter().any(|port| port["port"] == backend["port"]), "{case}");
                seen += 1;
            }
        }
        assert_eq!(services.len(), kind("Service").count(), "{case}: one name twice");
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn a_rule_for_several_pools_is_left_to_envoy_and_said_so() {
    let mut said = 0;
    for case in cases::all() {
        let (intent, _) = cases::intent(&cases::sources(&case));
        let notices = igw::render::envoy_gateway::left_out(&intent);
        said += notices.iter().filter(|one| one.kind.to_string().contains("by weight")).count();
    }
    assert!(said > 0);
}
