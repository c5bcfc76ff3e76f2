//! Edits of the guides' Envoy configuration that measurements need.

use serde_yaml_ng::{Mapping, Value};
use std::path::Path;

/// JSON is YAML.
pub fn yaml(value: &serde_json::Value) -> Value {
    serde_yaml_ng::to_value(value).unwrap_or_default()
}

/// Visits each mapping, outer ones first.
pub fn each_mapping(value: &mut Value, visit: &mut impl FnMut(&mut Mapping)) {
    match value {
        Value::Mapping(mapping) => {
            visit(mapping);
            mapping.iter_mut().for_each(|(_, value)| each_mapping(value, visit));
        }
        Value::Sequence(values) => values.iter_mut().for_each(|value| each_mapping(value, visit)),
        _ => {}
    }
}

/// Visits the list of HTTP filters.
pub fn each_chain(root: &mut Value, visit: &mut impl FnMut(&mut Vec<Value>)) {
    each_mapping(root, &mut |mapping| {
        if let Some(Value::Sequence(filters)) = mapping.get_mut("http_filters") {
            visit(filters);
        }
    });
}

/// Gives a Wasm filter another module.
pub fn load(filter: &mut Value, module: &Path) {
    each_mapping(filter, &mut |mapping| {
        if let Some(file) = mapping.get_mut("filename") {
            *file = module.display().to_string().into();
        }
    });
}

/// The name of a filter or a cluster.
pub fn name(value: &Value) -> &str {
    value.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// Takes away what costs the same everywhere and would flatter the ratios: the access log.
/// Also what the pools' routes do beside routing, response headers and retries (the router
/// copies each body it may have to send again): only requests with model headers reach
/// these routes, so only filters that set the headers would pay for it. Listeners beside the
/// gateway's, the status page's, go as well: they have filter chains of their own.
pub fn plain(root: &mut Value) {
    let listeners = root.get_mut("static_resources").and_then(|all| all.get_mut("listeners"));
    if let Some(Value::Sequence(listeners)) = listeners {
        listeners.retain(|listener| name(listener) == "gateway");
    }
    each_mapping(root, &mut |mapping| {
        mapping.remove("access_log");
        mapping.remove("response_headers_to_add");
        mapping.remove("retry_policy");
    });
}

/// Makes routes that answer by themselves lead to a cluster: without our filters nothing
/// sets the headers to route by.
pub fn route_all(root: &mut Value, cluster: &str) {
    each_mapping(root, &mut |mapping| {
        if mapping.remove("direct_response").is_some() {
            let route = serde_json::json!({"cluster": cluster, "timeout": "300s"});
            mapping.insert("route".into(), yaml(&route));
        }
    });
}
