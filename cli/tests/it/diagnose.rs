//! `igw check` and `igw explain` on gateways that run: one as it should be, and broken ones.

use super::cases;
use super::run::Gateway;
use envoy_runner::{Bootstrap, Envoy, Options, free_ports, obtain};
use igw::intent::Endpoints;
use igw::render::Target;
use serde_json::{Value, json};
use simulator::{Config, Server};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Exit code, standard output, standard error.
fn igw(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_igw")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Checks until the picker has looked around, which a busy machine may delay.
fn check_until(admin: &str, settled: impl Fn(&str) -> bool) -> (i32, String, String) {
    let begin = Instant::now();
    loop {
        let (code, said, log) = igw(&["check", "--admin", admin]);
        if settled(&said) || begin.elapsed() > Duration::from_secs(60) {
            return (code, said, log);
        }
    }
}

#[test]
fn a_gateway_as_it_should_be_is_found_in_order_and_explained() {
    let gateway = Gateway::start("guides/003");
    let admin = format!("http://127.0.0.1:{}", gateway.admin);
    let (code, said, log) = check_until(&admin, str::is_empty);
    assert_eq!((code, said.as_str()), (0, ""), "{log}");
    assert!(log.contains("0 error(s), 0 warning(s)"), "{log}");

    let (code, said, _) = igw(&["explain", "--admin", &admin, "--model", "ski-resorts"]);
    assert_eq!(code, 0, "{said}");
    for line in [
        "bbr       it is an adapter of deepseek/vllm-deepseek-r1",
        "header    x-gateway-base-model-name: deepseek/vllm-deepseek-r1",
        "route     default/vllm-deepseek-r1/0/0 takes it",
        "wanted \"meta-llama/Llama-3.1-8B-Instruct\"",
        "pool      vllm-deepseek-r1\n",
        "ready\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    // No colours where standard output is no terminal.
    assert!(!said.contains('\u{1b}'), "{said}");

    // What is explained is what happens.
    let model = "food-review-1";
    let (code, said, _) = igw(&["explain", "--admin", &admin, "-m", model, "-o", "json"]);
    let report: Value = serde_json::from_str(&said).unwrap();
    let pool = &report["listeners"][0]["cases"][0]["destination"]["pools"][0];
    let body = json!({"model": model, "prompt": "x", "max_tokens": 1}).to_string();
    let (status, served, _) = gateway.post("/v1/completions", &body);
    assert_eq!((code, status, pool["pool"].as_str()), (0, 200, Some(served.as_str())), "{said}");
    let endpoints = pool["endpoints"].as_array().unwrap();
    assert!(endpoints.iter().all(|one| one["ready"] == true && one["waiting"] == 0), "{said}");

    let (code, said, _) = igw(&["explain", "--admin", &admin, "-m", "nobody"]);
    assert_eq!(code, 3);
    assert!(said.contains("no-pool takes it") && said.contains("Envoy answers 404"), "{said}");
    let (status, ..) = gateway.post("/v1/completions", r#"{"model": "nobody", "prompt": "x"}"#);
    assert_eq!(status, 404);
}

/// An Envoy on guide 003, changed by `change`; the pools are at these addresses.
fn broken(endpoints: &[SocketAddr], change: impl FnOnce(&mut Bootstrap)) -> Envoy {
    let (mut intent, _) = cases::intent(&cases::sources("guides/003"));
    for (pool, endpoint) in intent.pools.iter_mut().zip(endpoints) {
        pool.endpoints = Endpoints::Addresses(vec![*endpoint]);
    }
    let text = cases::rendered(&intent, Target::Envoy).remove(0).text;
    let mut bootstrap = Bootstrap::parse(&text).unwrap();
    let ports = free_ports(2).unwrap();
    bootstrap.with_ports(&[(8080, ports[0]), (9901, ports[1])]).unwrap();
    bootstrap.with_modules(&Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("dist"));
    change(&mut bootstrap);
    let mut envoy = Envoy::start(&obtain(None).unwrap(), &bootstrap, Options::default()).unwrap();
    envoy.wait_ready(Duration::from_secs(60)).unwrap();
    envoy
}

/// Addresses at which nobody answers.
fn dead(count: usize) -> Vec<SocketAddr> {
    let listeners: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap()).collect()
}

/// Every line that begins so has all of these words.
#[track_caller]
fn says(said: &str, words: &[&str]) {
    let line = |line: &str| words.iter().all(|word| line.contains(word));
    assert!(said.lines().any(line), "no line with {words:?}:\n{said}");
}

#[test]
fn a_missing_flag_and_dead_endpoints_are_found() {
    let endpoints = dead(2);
    let envoy = broken(&endpoints, |bootstrap| {
        bootstrap.edit(|value| {
            let filters = &mut value["static_resources"]["listeners"][0]["filter_chains"][0]
                ["filters"][0]["typed_config"]["http_filters"];
            let bbr = filters[0]["typed_config"]["config"].as_mapping_mut().unwrap();
            bbr.remove("allow_on_headers_stop_iteration").unwrap();
        });
        bootstrap.with_buffer_limit(1 << 20);
    });
    let admin = envoy.admin_address().to_string();
    let settled = |said: &str| said.matches("no endpoint is ready").count() == 2;
    let (code, said, _) = check_until(&admin, settled);
    assert_eq!(code, 3, "{said}");
    says(
        &said,
        &[
            "error listener gateway-80, filter bbr",
            "allow_on_headers_stop_iteration: true beside vm_config",
        ],
    );
    says(
        &said,
        &[
            "error listener gateway-80: Envoy buffers 1048576 bytes",
            "per_connection_buffer_limit_bytes",
        ],
    );
    for pool in ["vllm-deepseek-r1", "vllm-llama3-8b-instruct"] {
        says(&said, &[&format!("error pool {pool}"), "every scrape fails"]);
        says(&said, &[&format!("error pool {pool}"), "no endpoint is ready", "503"]);
    }
    assert!(!said.contains("lease"), "somebody scrapes: {said}");

    let (_, said, _) = igw(&["explain", "--admin", &admin, "-m", "ski-resorts"]);
    says(&said, &["the gateway answers 500"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_the_cluster_does_not_have_is_found() {
    let config = || Config { listen: "127.0.0.1:0".parse().unwrap(), ..Config::default() };
    let servers = [Server::start(config()).await.unwrap(), Server::start(config()).await.unwrap()];
    let endpoints = servers.each_ref().map(Server::addr);
    tokio::task::spawn_blocking(move || {
        let stray = dead(1)[0];
        let envoy = broken(&endpoints, |bootstrap| {
            let mut picker = bootstrap.plugin_configuration("picker").unwrap();
            picker["pools"][0]["endpoints"] = json!([endpoints[0].to_string(), stray.to_string()]);
            bootstrap.with_plugin_configuration("picker", &picker).unwrap();
        });
        let admin = envoy.admin_address().to_string();
        let settled =
            |said: &str| said.lines().filter(|line| line.starts_with("error")).count() == 1;
        let (code, said, _) = check_until(&admin, settled);
        assert_eq!(code, 3, "{said}");
        let stray = stray.to_string();
        says(
            &said,
            &["error pool vllm-deepseek-r1", &stray, "not to cluster \"vllm-deepseek-r1\""],
        );
        let (code, said, _) = igw(&["explain", "--admin", &admin, "-m", "ski-resorts"]);
        assert_eq!(code, 0);
        says(&said, &[&endpoints[0].to_string(), "ready"]);
    })
    .await
    .unwrap();
    for server in servers {
        server.stop().await;
    }
}

#[test]
fn what_is_no_admin_interface_is_told_apart() {
    let port = dead(1)[0];
    let (code, _, said) = igw(&["check", "--admin", &port.to_string()]);
    assert_eq!(code, 1);
    assert!(said.contains("is Envoy running, and is this its admin interface?"), "{said}");
    let (code, _, said) = igw(&["explain", "--admin", "https://localhost:1", "-m", "x"]);
    assert_eq!(code, 2);
    assert!(said.contains("speaks no TLS"), "{said}");
    assert_eq!(igw(&["check"]).0, 2);
}
