//! A platform's part done by hand: an Envoy with the listener, the clusters and the routes
//! that it makes of guide 003, before model servers of its two pools.

use super::cases;
use envoy_runner::{Bootstrap, Envoy, Options, free_ports, obtain};
use igw::render::Target;
use serde::Deserialize;
use serde_json::{Value, json};
use simulator::{Config, Server};
use std::path::Path;
use std::time::Duration;

/// The pools, each with its base model and an adapter.
pub const MODELS: [(&str, &str, &str); 2] = [
    ("vllm-llama3-8b-instruct", "meta-llama/Llama-3.1-8B-Instruct", "food-review-1"),
    ("vllm-deepseek-r1", "deepseek/vllm-deepseek-r1", "ski-resorts"),
];

/// The documents of a file that are not empty.
pub fn documents(text: &str) -> Vec<Value> {
    serde_yaml_ng::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).unwrap())
        .filter(|document| !document.is_null())
        .collect()
}

/// The documents of a file that is rendered for guide 003.
pub fn rendered(target: Target, file: &str) -> Vec<Value> {
    let (intent, _) = cases::intent(&cases::sources("guides/003"));
    let files = cases::rendered(&intent, target);
    documents(&files.iter().find(|one| one.path == Path::new(file)).unwrap().text)
}

/// A Wasm filter whose module is a file instead of an image.
pub fn local(mut filter: Value, module: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist").join(module);
    assert!(path.is_file(), "run `cargo xtask build`");
    filter["typed_config"]["config"]["vm_config"]["code"] = json!({"local": {"filename": path}});
    filter
}

/// A route for a base model.
pub fn route(base: &str, cluster: &str) -> Value {
    json!({
        "match": {"prefix": "/", "headers": [
            {"name": "X-Gateway-Base-Model-Name", "string_match": {"exact": base}},
        ]},
        "route": {"cluster": cluster},
    })
}

/// A cluster that goes where `source` says, if it says so: with an endpoint that refuses
/// connections, which only the picker knows to avoid, and the server's.
pub fn cluster(name: &str, source: &Value, fallback: &Value, server: &Server) -> Value {
    json!({
        "name": name,
        "connect_timeout": "2s",
        "load_balancing_policy": {"policies": [{"typed_extension_config": {
            "name": "envoy.load_balancing_policies.override_host",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost",
                "override_host_sources": [source],
                "fallback_policy": {"policies": [{"typed_extension_config": fallback}]},
            },
        }}]},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": {"socket_address": {"address": "127.0.0.2", "port_value": 1}}}},
            {"endpoint": {"address": {"socket_address": {
                "address": "127.0.0.1", "port_value": server.addr().port(),
            }}}},
        ]}]},
    })
}

/// What a platform makes of the guide.
pub struct Made {
    /// The listener, without its address; its routes are [`routes`](Self::routes).
    pub listener: Value,
    /// All clusters; one is `envoy_admin`.
    pub clusters: Vec<Value>,
}

/// The listener with these filters and routes.
pub fn listener(filters: &[Value], routes: &[Value]) -> Value {
    json!({"filter_chains": [{"filters": [{
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "gateway",
            "http_filters": filters,
            "route_config": {"virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": routes},
            ]},
        },
    }]}]})
}

/// Starts the servers, has `make` do the platform's part, and expects every request to reach
/// the endpoint that answers, chosen by the picker.
pub fn expect_picks(make: impl FnOnce(&[Server]) -> Made) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let servers: Vec<Server> = MODELS
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
    let Made { mut listener, mut clusters } = make(&servers);
    let ports = free_ports(2).unwrap();
    let address = |port: u16| json!({"address": "127.0.0.1", "port_value": port});
    let admin = clusters.iter_mut().find(|cluster| cluster["name"] == "envoy_admin").unwrap();
    let endpoint = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
    *admin.pointer_mut(endpoint).unwrap() = address(ports[1]);
    listener["address"] = json!({"socket_address": address(ports[0])});
    let bootstrap = json!({
        "node": {"id": "gateway", "cluster": "gateway"},
        "admin": {"address": {"socket_address": address(ports[1])}},
        "static_resources": {"clusters": clusters, "listeners": [listener]},
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
    for (pool, base, adapter) in MODELS {
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
