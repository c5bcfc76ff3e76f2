use super::*;
use serde_json::json;

const YAML: &str = r#"
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}
static_resources:
  listeners:
  - name: gateway
    address: {socket_address: {address: 127.0.0.1, port_value: 8080}}
    filter_chains:
    - filters:
      - typed_config:
          http_filters:
          - name: bbr
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config:
                vm_config: {code: {local: {filename: dist/bbr-filter.wasm}}}
                configuration: {"@type": type.googleapis.com/google.protobuf.StringValue, value: '{"a": 1}'}
          - name: router
  clusters:
  - name: pool
    endpoints: [{port_value: 8001}, {port_value: 8002}]
"#;

fn bootstrap() -> Bootstrap {
    Bootstrap::parse(YAML).unwrap()
}

fn text(bootstrap: &Bootstrap) -> String {
    serde_json::to_string(bootstrap.value()).unwrap()
}

#[test]
fn ports_are_replaced_all_at_once() {
    let mut b = bootstrap();
    b.with_ports(&[(8001, 8002), (8002, 8001), (8080, 9901), (9901, 1)]).unwrap();
    let text = text(&b);
    assert!(text.contains(r#"[{"port_value":8002},{"port_value":8001}]"#), "{text}");
    assert_eq!(b.admin_address().unwrap().port(), 1);
}

#[test]
fn a_port_that_does_not_occur_is_an_error_and_changes_nothing() {
    let mut b = bootstrap();
    let found = b.with_ports(&[(8080, 1), (7777, 2)]).map(|_| ());
    assert!(matches!(found, Err(BootstrapError::NoPort { port: 7777 })));
    assert_eq!(b, bootstrap());
}

#[test]
fn modules_become_absolute() {
    let mut b = bootstrap();
    b.with_modules(Path::new("/srv/dist"));
    assert!(text(&b).contains(r#""filename":"/srv/dist/bbr-filter.wasm""#));
}

#[test]
fn a_plugins_configuration_is_read_and_replaced() {
    let mut b = bootstrap();
    assert_eq!(b.plugin_configuration("bbr").unwrap(), json!({"a": 1}));
    b.with_plugin_configuration("bbr", &json!({"b": [2]})).unwrap();
    assert_eq!(b.plugin_configuration("bbr").unwrap(), json!({"b": [2]}));
    b.with_plugin_text("bbr", "{").unwrap();
    assert!(matches!(b.plugin_configuration("bbr"), Err(BootstrapError::Json(_))));
}

#[test]
fn a_filter_that_is_not_there_is_an_error() {
    let mut b = bootstrap();
    assert!(matches!(b.plugin_configuration("router"), Err(BootstrapError::NoFilter { .. })));
    assert!(b.with_plugin_text("picker", "{}").is_err());
    assert!(b.without_filter("picker").is_err());
    b.without_filter("bbr").unwrap();
    assert!(b.plugin_configuration("bbr").is_err());
}

#[test]
fn the_buffer_limit_is_set_on_the_listener() {
    let mut b = bootstrap();
    b.with_buffer_limit(4096);
    let listener = &b.value()["static_resources"]["listeners"][0];
    assert_eq!(listener["per_connection_buffer_limit_bytes"], Value::from(4096));
}

#[test]
fn without_a_fixed_admin_port_there_is_no_admin_address() {
    let mut b = bootstrap();
    assert_eq!(b.admin_address().unwrap(), "127.0.0.1:9901".parse().unwrap());
    b.with_port(9901, 0).unwrap();
    assert!(matches!(b.admin_address(), Err(BootstrapError::NoAdmin)));
}

#[test]
fn the_written_file_holds_the_same_tree() {
    let folder = tempfile::tempdir().unwrap();
    let path = bootstrap().write(folder.path()).unwrap();
    assert_eq!(Bootstrap::load(path).unwrap(), bootstrap());
}

#[test]
fn by_turns_goes_what_had_a_policy_and_the_rest_stays() {
    let text = "static_resources: {clusters: [{name: a, load_balancing_policy: {}}, {name: b}]}";
    let mut b = Bootstrap::parse(text).unwrap();
    b.with_round_robin();
    let clusters = b.value()["static_resources"]["clusters"].clone();
    let expected = json!([{"name": "a", "lb_policy": "ROUND_ROBIN"}, {"name": "b"}]);
    assert_eq!(serde_json::to_value(clusters).unwrap(), expected);
}
