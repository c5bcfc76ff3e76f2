//! Endpoints by address: IPv6, and subsets of a pool.

use gateway_tests::{Gateway, Load, Rest, Setup, endless, run};
use serde_json::{Value as Json, json};
use serde_yaml_ng::{Value, from_str};
use simulator::{Config, Server};
use std::net::{Ipv6Addr, SocketAddr};

const LLAMA: &str = "vllm-llama3-8b-instruct";
const LLAMA_MODEL: &str = "meta-llama/Llama-3.1-8B-Instruct";
const SUBSET: &str = "x-gateway-destination-endpoint-subset";
const NAMESPACE: &str = "envoy.lb.subset_hint";

/// All model servers on the loopback address of IPv6.
fn ipv6() -> Setup {
    let setup = Setup::guides().echo(json!({})).picker_only(&[LLAMA]).servers(|config| {
        endless(config);
        config.listen = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    });
    setup.picker(json!({"sessionHeader": "x-session"})).cluster(LLAMA, |cluster| {
        let endpoints = &mut cluster["load_assignment"]["endpoints"][0]["lb_endpoints"];
        for endpoint in endpoints.as_sequence_mut().unwrap() {
            endpoint["endpoint"]["address"]["socket_address"]["address"] = "::1".into();
        }
    })
}

#[test]
fn ipv6_endpoints_are_found_scraped_picked_and_retried() {
    run(async {
        let mut gateway = Gateway::start(ipv6()).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        let busy = gateway.server(&format!("{LLAMA}-0"));
        assert!(busy.addr().is_ipv6());
        let load = Load::on(busy, LLAMA_MODEL, 8).await;
        gateway.wait_for_load(LLAMA, busy, 8).await;
        let (bracketed, name) = (busy.addr().to_string(), busy.name().to_owned());
        for _ in 0..20 {
            let answer = gateway.echo(LLAMA_MODEL).await;
            assert_eq!((answer.status, answer.picker("why")), (200, Some("picked")), "{answer:?}");
            let candidates: Vec<_> = answer.picker("candidates").unwrap().split(',').collect();
            assert_eq!(candidates[2], bracketed, "the busy one is last: {answer:?}");
            let served = gateway.server(answer.pod().unwrap()).addr().to_string();
            assert_eq!(candidates[0], served, "{answer:?}");
        }
        let subset = Gateway::echo_call(LLAMA_MODEL).header(SUBSET, &bracketed);
        let answer = gateway.send(subset).await;
        assert_eq!(answer.pod(), Some(&*name), "{answer:?}");
        let session = answer.header("x-session").unwrap();
        drop(load);
        let busy = gateway.server(&name);
        gateway.wait_for_load(LLAMA, busy, 0).await;
        for _ in 0..10 {
            let call = Gateway::echo_call(LLAMA_MODEL).header("x-session", session);
            assert_eq!(gateway.send(call).await.pod(), Some(&*name));
        }
        // Where it was is no one: a retry goes to the next best.
        gateway.take_server(&name).stop().await;
        for _ in 0..20 {
            let call = Gateway::echo_call(LLAMA_MODEL).header("x-session", session);
            let answer = gateway.send(call).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        gateway.check();
    });
}

/// A filter in front of the picker's.
fn before_the_picker(filter: Json) -> Setup {
    let setup = Setup::guides().echo(json!({})).picker_only(&[LLAMA]).servers(endless);
    setup.picker(json!({"subsetMetadata": true})).connection_manager(|manager| {
        let filter: Value = from_str(&filter.to_string()).unwrap();
        let filters = manager["http_filters"].as_sequence_mut().unwrap();
        let place = filters.iter().position(|filter| filter["name"] == "resolve-route").unwrap();
        filters.insert(place, filter);
    })
}

async fn expect_only(gateway: &Gateway, hint: &str, allowed: &[&str]) {
    let mut seen = Vec::new();
    for _ in 0..40 {
        let answer = gateway.send(Gateway::echo_call(LLAMA_MODEL).header("x-hint", hint)).await;
        assert_eq!((answer.status, answer.picker("why")), (200, Some("picked")), "{answer:?}");
        let count = answer.picker("candidates").unwrap().split(',').count();
        assert_eq!(count, allowed.len(), "{answer:?}");
        seen.push(answer.pod().unwrap().to_owned());
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, allowed, "{hint}");
}

#[test]
fn a_subset_in_metadata_binds_and_goes_before_the_header() {
    run(async {
        let setup = before_the_picker(json!({
            "name": "hint",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config",
                "request_rules": [{
                    "header": "x-hint",
                    "on_header_present":
                        {"metadata_namespace": NAMESPACE, "key": SUBSET, "type": "STRING"}
                }]
            }
        }));
        let gateway = Gateway::start(setup).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        let names = [0, 1, 2].map(|n| format!("{LLAMA}-{n}"));
        let address = |n: usize| gateway.server(&names[n]).addr().to_string();
        let two = format!("{}, {},192.0.2.1:80,nonsense", address(0), address(2));
        expect_only(&gateway, &two, &[&names[0], &names[2]]).await;
        expect_only(&gateway, &address(1), &[&names[1]]).await;
        let both = Gateway::echo_call(LLAMA_MODEL).header("x-hint", address(1));
        let answer = gateway.send(both.header(SUBSET, address(0))).await;
        assert_eq!(answer.pod(), Some(&*names[1]), "{answer:?}");
        for hint in ["192.0.2.1:80", "127.0.0.1", ","] {
            let call = Gateway::echo_call(LLAMA_MODEL).header("x-hint", hint);
            let answer = gateway.send(call).await;
            let why = answer.picker("why");
            assert_eq!((answer.status, why), (503, Some("no_endpoint")), "{hint}: {answer:?}");
            let message = answer.json()["error"]["message"].to_string();
            assert!(message.contains("subset"), "{message}");
        }
        gateway.check();
    });
}

#[test]
fn a_subset_may_be_a_list_in_metadata() {
    run(async {
        let (a, b) = (server("a").await, server("b").await);
        let [first, second] = [&a, &b].map(|server| server.addr().to_string());
        let setup = before_the_picker(json!({
            "name": "hint",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.set_metadata.v3.Config",
                "metadata": [{
                    "metadata_namespace": NAMESPACE,
                    "value": {SUBSET: ["192.0.2.1:80", second, "nonsense"]}
                }]
            }
        }));
        let pool = json!({"name": "scripted", "endpoints": [first, second]});
        let setup = setup.rest(Rest::Address(a.addr())).picker_only(&[]).picker_pool_added(pool);
        let gateway = Gateway::start(setup).await;
        gateway.wait_for_scrapes("scripted", 2).await;
        for _ in 0..20 {
            let answer = gateway.echo("any").await;
            assert_eq!((answer.status, answer.picker("why")), (200, Some("picked")), "{answer:?}");
            assert_eq!(answer.picker("candidates"), Some(&*second), "{answer:?}");
        }
        gateway.check();
    });
}

async fn server(name: &str) -> Server {
    Server::start(Config { name: name.to_owned(), ..Config::default() }).await.unwrap()
}
