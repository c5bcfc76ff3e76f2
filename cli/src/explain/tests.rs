use super::*;
use crate::proxy::from_dump;
use serde_json::{Value, json};

const BBR: &str = r#"{"baseModels": [{"name": "base", "adapters": ["fine"]}],
    "modelRewrites": [{"model": "alias", "targets": [{"model": "fine", "weight": 3}, {"model": "base", "weight": 1}]}],
    "onUnknownModel": "reject"}"#;

fn plugin(name: &str, configuration: &str) -> Value {
    json!({"name": name, "typed_config": {"@type": "x/wasm.v3.Wasm", "config": {
        "name": name, "allow_on_headers_stop_iteration": true,
        "vm_config": {"code": {"local": {"filename": "m.wasm"}}},
        "configuration": {"@type": "x/google.protobuf.StringValue", "value": configuration},
    }}})
}

fn dump(filters: &[Value]) -> Value {
    let route = |name: &str, header: &str, value: &str, cluster: &str| {
        json!({"name": name, "match": {"prefix": "/", "headers": [{"name": header, "string_match": {"exact": value}}]},
            "route": {"cluster": cluster}})
    };
    let split = json!({"match": {"prefix": "/split"}, "route": {"weighted_clusters": {"clusters": [
        {"name": "a", "weight": 90}, {"name": "b", "weight": 10}, {"name": "c", "weight": 0}]}}});
    let routes = json!([
        split,
        route("by-model", "x-gateway-model-name", "fine", "a"),
        route("by-base", "x-gateway-base-model-name", "base", "b"),
        {"name": "none", "match": {"prefix": "/"}, "direct_response": {"status": 404}},
    ]);
    json!({"configs": [
        {"@type": "x/ListenersConfigDump", "dynamic_listeners": [{"name": "l", "active_state": {"listener": {
            "name": "l", "address": {"socket_address": {"address": "0.0.0.0", "port_value": 80}},
            "filter_chains": [{"filters": [{"typed_config": {"@type": "x/HttpConnectionManager",
                "rds": {"route_config_name": "table"}, "http_filters": filters}}]}],
        }}}]},
        {"@type": "x/RoutesConfigDump", "dynamic_route_configs": [{"route_config": {
            "name": "table", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": routes}]}}]},
    ]})
}

fn ask(filters: &[Value], model: &str, path: &str, headers: &[(&str, &str)]) -> Vec<Case> {
    let proxy = from_dump(&dump(filters)).proxy;
    let (hosts, stats) = Default::default();
    let running = Running { proxy: &proxy, hosts: &hosts, stats: &stats };
    let question = Question {
        model: model.to_owned(),
        path: path.to_owned(),
        method: "POST".to_owned(),
        host: "h".to_owned(),
        headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
    };
    explain(running, &question, None).listeners.into_iter().flat_map(|one| one.cases).collect()
}

fn clusters(case: &Case) -> Vec<(&str, f64)> {
    match &case.destination {
        Some(Destination::Pools { pools }) => {
            pools.iter().map(|pool| (pool.cluster.as_str(), pool.share)).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn a_name_for_several_models_is_explained_for_each_with_its_share() {
    let cases = ask(&[plugin("bbr", BBR)], "alias", "/v1/completions", &[]);
    let shares: Vec<Option<f64>> = cases.iter().map(|case| case.share).collect();
    assert_eq!(shares, [Some(0.75), Some(0.25)]);
    assert_eq!(cases[0].route.as_deref(), Some("by-model"));
    assert_eq!(cases[1].route.as_deref(), Some("by-base"));
    assert_eq!(clusters(&cases[1]), [("b", 1.0)]);
    // An earlier route takes it, and the later one would.
    assert_eq!(cases[0].tried[2].why.as_deref(), Some("it would, but an earlier one does"));
}

#[test]
fn a_model_that_is_rejected_goes_nowhere() {
    let cases = ask(&[plugin("bbr", BBR)], "nobody", "/v1/completions", &[]);
    assert_eq!((cases[0].answered, cases[0].tried.len()), (Some(404), 0));
}

#[test]
fn a_path_that_is_not_read_gets_no_header_and_clients_cannot_set_them() {
    let spoofed = [("X-Gateway-Model-Name", "fine")];
    let cases = ask(&[plugin("bbr", BBR)], "fine", "/metrics", &spoofed);
    assert!(cases[0].headers.is_empty() && cases[0].says[0].contains("does not read bodies"));
    assert_eq!(cases[0].destination, Some(Destination::Answer { status: 404 }));
}

#[test]
fn weights_are_shares_and_weightless_clusters_are_left_out() {
    let configuration = BBR.replacen('{', "{\"paths\": [\"*\"], ", 1);
    let cases = ask(&[plugin("bbr", &configuration)], "base", "/split", &[]);
    assert_eq!(clusters(&cases[0]), [("a", 0.9), ("b", 0.1)]);
}

#[test]
fn a_filter_that_has_not_arrived_or_is_misconfigured_is_named() {
    let waits = json!({"name": "bbr", "config_discovery": {}});
    let picker = plugin("picker", r#"{"pools": []}"#);
    let cases = ask(&[waits, picker.clone()], "base", "/v1/completions", &[]);
    assert!(cases[0].says[0].contains("has not arrived"), "{:?}", cases[0].says);
    let cases = ask(&[picker], "base", "/v1/completions", &[]);
    assert!(cases[0].says[0].contains("there is no BBR filter"), "{:?}", cases[0].says);
    let cases = ask(&[plugin("bbr", r#"{"baseModels": 1}"#)], "base", "/v1/completions", &[]);
    assert_eq!(cases[0].answered, Some(503));
    assert!(cases[0].says[0].contains("baseModels"), "{:?}", cases[0].says);
}
