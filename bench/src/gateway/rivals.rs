//! What Envoy offers to read a model out of a body, each in its cheapest form.
//!
//! Invariant: each ends with the header `x-gateway-model-name`, which the upstream repeats;
//! a rival that finds another model ends the run.

use serde_json::{Value, json};

/// The header that all set.
const HEADER: &str = "x-gateway-model-name";
/// The cluster of the `ext_proc` server.
const CLUSTER: &str = "ext_proc";

/// Envoy's Lua filter: the whole body as one string, and a pattern over it. The last match
/// is not looked for, escapes are not understood: kinder to Lua than to its users.
pub(super) fn lua() -> Vec<Value> {
    let script = format!(
        "function envoy_on_request(handle)\n\
         \x20 local body = handle:body()\n\
         \x20 if body == nil then return end\n\
         \x20 local model = string.match(body:getBytes(0, body:length()), '\"model\"%s*:%s*\"([^\"]*)\"')\n\
         \x20 if model ~= nil then\n\
         \x20   handle:headers():replace('{HEADER}', model)\n\
         \x20   handle:clearRouteCache()\n\
         \x20 end\n\
         end\n"
    );
    vec![filter(
        "envoy.filters.http.lua",
        "envoy.extensions.filters.http.lua.v3.Lua",
        json!({"default_source_code": {"inline_string": script}}),
    )]
}

/// Envoy's JSON reader, then the header from what it found.
pub(super) fn json_to_metadata() -> Vec<Value> {
    let found = json!({"metadata_namespace": "bench", "key": "model"});
    let rule = json!({"selectors": [{"key": "model"}], "on_present": found});
    let set = json!({
        "append": {
            "header": {"key": HEADER, "value": "%DYNAMIC_METADATA(bench:model)%"},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        },
    });
    vec![
        filter(
            "envoy.filters.http.json_to_metadata",
            "envoy.extensions.filters.http.json_to_metadata.v3.JsonToMetadata",
            json!({"request_rules": {"rules": [rule]}}),
        ),
        filter(
            "envoy.filters.http.header_mutation",
            "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
            json!({"mutations": {"request_mutations": [set]}}),
        ),
    ]
}

/// A server beside Envoy. `duplex`: the body streams to it and back; else Envoy holds the
/// body, and sends a copy in one message.
pub(super) fn ext_proc(duplex: bool) -> Vec<Value> {
    // Without a question about the headers Envoy lets them pass, and they cannot be changed
    // any more when the body has come. Trailers have to be sent when the body streams.
    let (body, trailers) =
        if duplex { ("FULL_DUPLEX_STREAMED", "SEND") } else { ("BUFFERED", "SKIP") };
    let mode = json!({
        "request_header_mode": "SEND",
        "request_body_mode": body,
        "request_trailer_mode": trailers,
        "response_header_mode": "SKIP",
    });
    vec![filter(
        "envoy.filters.http.ext_proc",
        "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor",
        json!({
            "grpc_service": {"envoy_grpc": {"cluster_name": CLUSTER}, "timeout": "60s"},
            "message_timeout": "60s",
            "processing_mode": mode,
        }),
    )]
}

/// The cluster of the `ext_proc` server at this port of loopback.
pub(super) fn ext_proc_cluster(port: u16) -> Value {
    json!({
        "name": CLUSTER,
        "type": "STATIC",
        "connect_timeout": "2s",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {
                    "max_concurrent_streams": 1024,
                    "initial_stream_window_size": 20_971_520,
                    "initial_connection_window_size": 25_165_824,
                }},
            },
        },
        "load_assignment": {
            "cluster_name": CLUSTER,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": {
                "address": "127.0.0.1",
                "port_value": port,
            }}}}]}],
        },
    })
}

fn filter(name: &str, kind: &str, config: Value) -> Value {
    let mut config = config;
    if let Some(fields) = config.as_object_mut() {
        fields.insert("@type".to_owned(), json!(format!("type.googleapis.com/{kind}")));
    }
    json!({"name": name, "typed_config": config})
}
