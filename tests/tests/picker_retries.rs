//! Retries: within a pool, and to another pool.
//!
//! Envoy's filters do not run again for a retry. So a retry in the same cluster takes the
//! next of the list, and one in another cluster (`refresh_cluster_on_retry`, Envoy 1.39)
//! what the list has for that. An internal redirect is a new pass through the filters.

use envoy_runner::EnvoyVersion;
use gateway_tests::{Answer, Call, Gateway, Load, Rest, Setup, binary, endless, eventually, run};
use serde_json::json;
use serde_yaml_ng::{Value, from_str};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const LLAMA: &str = "vllm-llama3-8b-instruct";
const LLAMA_MODEL: &str = "meta-llama/Llama-3.1-8B-Instruct";
const PHI: &str = "vllm-phi4-mini-instruct";

/// The oldest Envoy whose retries may change the cluster.
const REFRESHES: EnvoyVersion = EnvoyVersion::new(1, 39, 0);

fn yaml(value: serde_json::Value) -> Value {
    from_str(&value.to_string()).unwrap()
}

/// Both pools serve the llama's model, and a 5xx is tried again.
fn setup(route: serde_json::Value, retry_pools: &[&str]) -> Setup {
    let setup = Setup::guides().echo(json!({})).servers(|config| {
        endless(config);
        config.served_model_names.push(LLAMA_MODEL.to_owned());
        config.served_model_names.dedup();
    });
    let setup = setup.picker_only(&[LLAMA, PHI]);
    setup.picker_pool(LLAMA, json!({"retryPools": retry_pools})).connection_manager(|manager| {
        let routes = manager["route_config"]["virtual_hosts"][0]["routes"].as_sequence_mut();
        let mut routes = routes.unwrap().iter_mut();
        routes.find(|route| route["name"] == "llama").unwrap()["route"] = yaml(route);
    })
}

/// One token, not streamed.
fn call() -> Call {
    let body = json!({"model": LLAMA_MODEL, "prompt": "x", "max_tokens": 1});
    Call::json("/v1/completions", body.to_string())
}

fn fail_all(gateway: &Gateway, pool: &str) {
    let servers = gateway.servers().iter().filter(|server| server.name().starts_with(pool));
    servers.for_each(|server| server.faults().update(|f| f.error_rate = 1.0).unwrap());
}

fn expect_served(answer: &Answer, server: &str) {
    assert_eq!((answer.status, answer.pod()), (200, Some(server)), "{answer:?}");
}

#[test]
fn a_retry_in_the_pool_goes_to_the_next_best() {
    run(async {
        let retry = json!({"retry_on": "5xx", "num_retries": 2});
        let route = json!({"cluster": LLAMA, "timeout": "300s", "retry_policy": retry});
        // Each worker remembers its own failures.
        let gateway = Gateway::start(setup(route, &[]).workers(1)).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        let [best, next, last] = [0, 1, 2].map(|n| gateway.server(&format!("{LLAMA}-{n}")));
        let loads = (Load::on(next, LLAMA_MODEL, 8).await, Load::on(last, LLAMA_MODEL, 16).await);
        gateway.wait_for_load(LLAMA, next, 8).await;
        gateway.wait_for_load(LLAMA, last, 16).await;
        best.faults().update(|faults| faults.error_rate = 1.0).unwrap();
        let answer = gateway.send(call()).await;
        expect_served(&answer, next.name());
        let list = [best, next, last].map(|server| server.addr().to_string()).join(",");
        assert_eq!(answer.picker("candidates"), Some(&*list), "{answer:?}");
        // Remembered as failed: it is no longer the best.
        let answer = gateway.send(call()).await;
        let first = answer.picker("candidates").unwrap().split(',').next().unwrap().to_owned();
        assert_ne!(first, best.addr().to_string(), "{answer:?}");
        drop(loads);
        gateway.check();
    });
}

#[test]
fn a_retry_in_another_pool_takes_what_was_picked_there() {
    run(async {
        let refreshes = binary().version >= REFRESHES;
        let mut retry = json!({"retry_on": "5xx", "num_retries": 3});
        let mut route = json!({"cluster": LLAMA, "timeout": "300s"});
        if refreshes {
            retry["refresh_cluster_on_retry"] = json!(true);
            // Nearly all begin in the first; a retry goes to the one not tried yet.
            let clusters =
                json!([{"name": LLAMA, "weight": 1_000_000}, {"name": PHI, "weight": 1}]);
            route = json!({"weighted_clusters": {"clusters": clusters}, "timeout": "300s"});
        }
        route["retry_policy"] = retry;
        let gateway = Gateway::start(setup(route, &[PHI])).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        gateway.wait_for_scrapes(PHI, 2).await;
        fail_all(&gateway, LLAMA);
        let [busy, idle] = [0, 1].map(|n| gateway.server(&format!("{PHI}-{n}")));
        let load = Load::on(busy, LLAMA_MODEL, 8).await;
        gateway.wait_for_load(PHI, busy, 8).await;
        let list = [idle, busy].map(|server| server.addr().to_string()).join(",");
        for _ in 0..20 {
            let answer = gateway.send(call()).await;
            assert_eq!(answer.picker("why"), Some("picked"), "{answer:?}");
            let candidates = answer.picker("candidates").unwrap();
            assert!(candidates.ends_with(&list), "both pools are in the list: {answer:?}");
            if refreshes {
                expect_served(&answer, idle.name());
            } else {
                // The retry stays in the cluster, where nobody knows the others.
                assert_eq!(answer.status, 500, "{answer:?}");
                assert!(answer.pod().unwrap().starts_with(LLAMA), "{answer:?}");
            }
        }
        let in_flight = || {
            let gauges =
                [LLAMA, PHI].map(|p| gateway.picker_metric("endpoint_in_flight", ("igw_pool", p)));
            gauges.iter().flatten().map(|(_, n)| n).sum::<u64>()
        };
        eventually("none in flight", || (in_flight() == 0).then_some(())).await;
        drop(load);
        gateway.check();
    });
}

/// A server that answers every request with a redirect to `/version`.
async fn redirecting() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0; 8 << 10];
                while stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {
                    let answer = "HTTP/1.1 302 Found\r\nlocation: http://gateway/version\r\n\
                                  content-length: 0\r\n\r\n";
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    address
}

#[test]
fn after_an_internal_redirect_it_is_picked_again() {
    run(async {
        let first = redirecting().await;
        let pool = json!({"name": "scripted", "endpoints": [first.to_string()]});
        let setup = Setup::guides().rest(Rest::Address(first)).servers(endless);
        let setup = setup.picker_only(&[LLAMA]).picker_pool_added(pool);
        let setup = setup.connection_manager(|manager| {
            let routes = manager["route_config"]["virtual_hosts"][0]["routes"].as_sequence_mut();
            let routes = routes.unwrap();
            let redirect = json!({"max_internal_redirects": 1, "redirect_response_codes": [302]});
            let last = routes.last_mut().unwrap();
            last["route"]["internal_redirect_policy"] = yaml(redirect);
            let there = json!({"match": {"path": "/version"}, "route": {"cluster": LLAMA}});
            routes.insert(0, yaml(there));
        });
        let gateway = Gateway::start(setup).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        let busy = [0, 2].map(|n| gateway.server(&format!("{LLAMA}-{n}")));
        let mut loads = Vec::new();
        for server in busy {
            loads.push(Load::on(server, LLAMA_MODEL, 8).await);
            gateway.wait_for_load(LLAMA, server, 8).await;
        }
        for _ in 0..10 {
            let answer = gateway.send(Call::get("/anything")).await;
            expect_served(&answer, &format!("{LLAMA}-1"));
            assert_eq!(answer.picker("pool"), Some(LLAMA), "{answer:?}");
        }
        for (pool, requests) in [(LLAMA, 10), ("scripted", 10)] {
            eventually("both picks in the counters", || {
                let counted = gateway.picker_metric("requests", ("igw_pool", pool));
                (counted.iter().map(|(_, n)| n).sum::<u64>() == requests).then_some(())
            })
            .await;
        }
        drop(loads);
        gateway.check();
    });
}
