//! Model servers that are gone, hang, or all fail, behind the picker.

use gateway_tests::{Answer, Call, Gateway, Load, Rest, Setup, Version, endless, eventually, run};
use serde_json::json;
use simulator::{Config, Server};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::sleep;

const LLAMA: &str = "vllm-llama3-8b-instruct";
const LLAMA_MODEL: &str = "meta-llama/Llama-3.1-8B-Instruct";
const PHI: &str = "vllm-phi4-mini-instruct";
const PHI_MODEL: &str = "microsoft/Phi-4-mini-instruct";

fn setup() -> Setup {
    Setup::guides().echo(json!({})).servers(endless)
}

/// An OpenAI error object, from the gateway and not from a model server.
#[track_caller]
fn expect_server_error(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
    assert_eq!(answer.pod(), None, "{answer:?}");
    let json = answer.json();
    assert_eq!(json["error"]["code"], code, "{json}");
    assert_eq!(json["error"]["type"], "server_error", "{json}");
    assert!(!json["error"]["message"].as_str().unwrap_or_default().is_empty(), "{json}");
}

#[test]
fn a_killed_endpoint_is_left_without_an_error_and_comes_back() {
    run(async {
        let mut gateway = Gateway::start(setup().picker_only(&[LLAMA])).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        let killed = gateway.take_server(&format!("{LLAMA}-1"));
        let address = killed.addr();
        let named =
            |answer: &Answer| answer.picker("candidates").unwrap().contains(&address.to_string());
        assert!(named(&gateway.echo(LLAMA_MODEL).await), "three candidates of three");
        let stopped = tokio::spawn(killed.stop());
        let mut clients = Vec::new();
        for _ in 0..8 {
            clients.push(gateway.connect(Version::H1).await);
        }
        // Until each of 20 picks in a row leaves it out; no client ever sees an error.
        let mut without = 0;
        for n in 0.. {
            assert!(n < 10_000, "it never left");
            let answer = clients[n % 8].send(Gateway::echo_call(LLAMA_MODEL)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            without = if named(&answer) { 0 } else { without + 1 };
            if without == 20 {
                break;
            }
            sleep(Duration::from_millis(5)).await;
        }
        stopped.await.unwrap();
        for n in 0..200 {
            let answer = clients[n % 8].send(Gateway::echo_call(LLAMA_MODEL)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert!(!named(&answer), "a dead endpoint among the candidates: {answer:?}");
        }
        eventually("the gauge of a dead endpoint", || {
            let ready = gateway.picker_metric("endpoint_ready", ("igw_pool", LLAMA));
            (ready.len() == 3).then_some(())?;
            ready.iter().all(|(e, n)| (*n == 0) == (*e == address.to_string())).then_some(())
        })
        .await;

        // It comes back when the others are busy, whatever is remembered of it.
        let again = again_at(address).await;
        let others = [0, 2].map(|n| gateway.server(&format!("{LLAMA}-{n}")));
        let mut loads = Vec::new();
        for other in others {
            loads.push(Load::on(other, LLAMA_MODEL, 12).await);
        }
        until_picked(&gateway, "again").await;
        again.stop().await;
        drop(loads);
        gateway.check();
    });
}

/// A server where another one was.
async fn again_at(address: SocketAddr) -> Server {
    let (name, model) = ("again".to_owned(), LLAMA_MODEL.to_owned());
    Server::start(Config { name, model, listen: address, ..Config::default() }).await.unwrap()
}

/// Sends requests until this server gets one; all must succeed.
async fn until_picked(gateway: &Gateway, server: &str) {
    for _ in 0..10_000 {
        let answer = gateway.echo(LLAMA_MODEL).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        if answer.pod() == Some(server) {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("{server} never got a request");
}

#[test]
fn a_recovered_endpoint_gets_requests_again_though_nobody_is_busy() {
    run(async {
        let mut gateway = Gateway::start(setup().picker_only(&[LLAMA])).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        let killed = gateway.take_server(&format!("{LLAMA}-1"));
        let address = killed.addr();
        killed.stop().await;
        let ready = async |count| {
            eventually("so many ready endpoints", || {
                let ready = gateway.picker_metric("ready_endpoints", ("igw_pool", LLAMA));
                (ready == [(String::new(), count)]).then_some(())
            })
            .await;
        };
        // One that fails requests until it is known to be dead.
        for _ in 0..50 {
            assert_eq!(gateway.echo(LLAMA_MODEL).await.status, 200);
        }
        ready(2).await;
        let again = again_at(address).await;
        ready(3).await;
        until_picked(&gateway, "again").await;
        again.stop().await;
        gateway.check();
    });
}

#[test]
fn metrics_that_hang_neither_block_picks_nor_pile_up() {
    run(async {
        let gateway = Gateway::start(setup().picker_only(&[LLAMA])).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        let hanging = gateway.server(&format!("{LLAMA}-0"));
        hanging.faults().update(|faults| faults.metrics_delay_ms = 3_600_000).unwrap();
        let timeouts = gateway.counter("cluster.igw_scrape.upstream_rq_timeout");
        let hung = || gateway.counter("cluster.igw_scrape.upstream_rq_timeout") - timeouts;
        let mut most = 0;
        let mut rounds = 0;
        while hung() < 4 {
            rounds += 1;
            assert!(rounds < 2_000, "the scrapes never time out");
            let answer = gateway.echo(LLAMA_MODEL).await;
            assert_eq!((answer.status, answer.picker("why")), (200, Some("picked")), "{answer:?}");
            // Before the first times out, some may be of a worker that scrapes no longer.
            if hung() > 0 {
                most = most.max(gateway.counter("cluster.igw_scrape.upstream_rq_active"));
            }
            sleep(Duration::from_millis(20)).await;
        }
        // Piled up they would be five of the one that hangs, five times a second each.
        assert!((1..=4).contains(&most), "scrapes of three endpoints at once: {most}");
        // The others are scraped as before: picks go by their load.
        let busy = gateway.server(&format!("{LLAMA}-1"));
        let load = Load::on(busy, LLAMA_MODEL, 10).await;
        gateway.wait_for_load(LLAMA, busy, 10).await;
        for _ in 0..20 {
            let answer = gateway.echo(LLAMA_MODEL).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_ne!(answer.pod(), Some(busy.name()), "{answer:?}");
        }
        drop(load);
        // And it is scraped again once it answers.
        hanging.faults().clear();
        let load = Load::on(hanging, LLAMA_MODEL, 10).await;
        gateway.wait_for_load(LLAMA, hanging, 10).await;
        drop(load);
        gateway.check();
    });
}

#[test]
fn metrics_that_are_garbage_take_no_endpoint_out() {
    run(async {
        let gateway = Gateway::start(setup().picker_only(&[PHI])).await;
        gateway.wait_for_scrapes(PHI, 2).await;
        for server in gateway.servers().iter().filter(|server| server.name().starts_with(PHI)) {
            server.faults().update(|faults| faults.metrics_garbage = true).unwrap();
        }
        // Metrics become stale, and requests go on.
        for n in 0.. {
            assert!(n < 10_000, "the metrics never became stale");
            let answer = gateway.echo(PHI_MODEL).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            if answer.picker("why") == Some("picked_without_metrics") {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
        gateway.check();
    });
}

/// A server whose metrics break off, its own way, before they end.
async fn breaking_off(hangs: bool) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0; 8 << 10];
                let count = stream.read(&mut buffer).await.unwrap();
                let asked = String::from_utf8_lossy(&buffer[..count]).into_owned();
                let answer = if asked.starts_with("GET /metrics") {
                    "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nvllm:num_requests_wai"
                } else {
                    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
                };
                stream.write_all(answer.as_bytes()).await.unwrap();
                if hangs && asked.starts_with("GET /metrics") {
                    let _ = stream.read(&mut buffer).await;
                }
            });
        }
    });
    address
}

#[test]
fn metrics_that_break_off_trap_nobody_and_take_no_endpoint_out() {
    run(async {
        for hangs in [false, true] {
            let server = breaking_off(hangs).await;
            let pool = json!({"name": "scripted", "endpoints": [server.to_string()]});
            let setup = Setup::guides().rest(Rest::Address(server));
            let setup = setup.picker_only(&[]).picker_pool_added(pool);
            let gateway = Gateway::start(setup).await;
            let failures = "wasmcustom.igw_picker_scrape_failures.pool.scripted";
            eventually("scrapes that break off", || (gateway.counter(failures) >= 4).then_some(()))
                .await;
            let answer = gateway.send(Call::get("/anything")).await;
            assert_eq!((answer.status, &answer.body[..]), (200, &b"ok"[..]), "{answer:?}");
            gateway.check();
        }
    });
}

#[test]
fn without_a_living_endpoint_requests_get_503() {
    run(async {
        let mut gateway = Gateway::start(setup().picker_only(&[PHI])).await;
        gateway.wait_for_scrapes(PHI, 2).await;
        for n in 0..2 {
            gateway.take_server(&format!("{PHI}-{n}")).stop().await;
        }
        for n in 0.. {
            assert!(n < 10_000, "the picker never refused");
            let answer = gateway.echo(PHI_MODEL).await;
            // Until two scrapes have failed, Envoy tries in vain.
            if answer.picker("why") != Some("no_endpoint") {
                expect_server_error(&answer, 503, "pool_unavailable");
                sleep(Duration::from_millis(10)).await;
                continue;
            }
            expect_server_error(&answer, 503, "no_endpoint");
            assert_eq!(answer.picker("pool"), Some(PHI), "{answer:?}");
            break;
        }
        let refused = || {
            let counters = gateway.picker_metric("requests", ("igw_outcome", "no_endpoint"));
            counters.iter().map(|(_, n)| n).sum::<u64>()
        };
        eventually("the refusal in the counters", || (refused() > 0).then_some(())).await;
        // Other pools are not concerned.
        let answer = gateway.echo(LLAMA_MODEL).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        gateway.check();
    });
}

/// Scrapes of this pool find nobody, and requests would be answered.
async fn unscrapable(fail_open: bool) -> Gateway {
    let setup = setup().picker_only(&[PHI]).picker(json!({"scrape": {"cluster": "nowhere"}}));
    let setup = setup.picker_pool(PHI, json!({"failOpen": fail_open}));
    let setup = setup.edit(|value| {
        let clusters = value["static_resources"]["clusters"].as_sequence_mut().unwrap();
        let nowhere = "{name: nowhere, type: STATIC, load_assignment: {cluster_name: nowhere, \
                       endpoints: [{}]}}";
        clusters.push(serde_yaml_ng::from_str(nowhere).unwrap());
    });
    let mut gateway = Gateway::start(setup.endpoints("nowhere", [8099])).await;
    gateway.take_server("nowhere-0").stop().await;
    gateway
}

/// Waits until every worker's picker knows of no living endpoint.
async fn until_none_is_ready(gateway: &Gateway) {
    for n in 0.. {
        assert!(n < 10_000, "the endpoints never died");
        let answer = gateway.echo(PHI_MODEL).await;
        if matches!(answer.picker("why"), Some("failed_open" | "no_endpoint")) {
            break;
        }
        assert_eq!(answer.status, 200, "{answer:?}");
        sleep(Duration::from_millis(10)).await;
    }
    // One worker knows; the others do at their next tick.
    sleep(Duration::from_millis(500)).await;
}

#[test]
fn failing_open_any_endpoint_is_tried() {
    run(async {
        let gateway = unscrapable(true).await;
        until_none_is_ready(&gateway).await;
        let mut pods = Vec::new();
        for _ in 0..60 {
            let answer = gateway.echo(PHI_MODEL).await;
            assert_eq!(answer.picker("why"), Some("failed_open"), "{answer:?}");
            assert_eq!(answer.status, 200, "{answer:?}");
            pods.push(answer.pod().unwrap().to_owned());
        }
        pods.sort_unstable();
        pods.dedup();
        assert_eq!(pods, [format!("{PHI}-0"), format!("{PHI}-1")]);
        gateway.check();
    });
}

#[test]
fn failing_closed_nothing_is_tried() {
    run(async {
        let gateway = unscrapable(false).await;
        until_none_is_ready(&gateway).await;
        let answer = gateway.echo(PHI_MODEL).await;
        expect_server_error(&answer, 503, "no_endpoint");
        // Not because the pool is empty.
        let message = answer.json()["error"]["message"].to_string();
        assert!(message.contains("no endpoint of the pool is ready"), "{message}");
        for _ in 0..20 {
            let call =
                Call::json("/v1/completions?refused", json!({"model": PHI_MODEL}).to_string());
            expect_server_error(&gateway.send(call).await, 503, "no_endpoint");
        }
        gateway.expect_unseen("/v1/completions?refused");
        gateway.check();
    });
}

#[test]
fn requests_right_after_the_start_are_served() {
    run(async {
        // As users run it: all pools, and nothing waited for.
        let gateway = Gateway::start(Setup::guides().echo(json!({}))).await;
        for _ in 0..200 {
            for model in [PHI_MODEL, LLAMA_MODEL] {
                let answer = gateway.echo(model).await;
                assert_eq!(answer.status, 200, "{answer:?}");
            }
            sleep(Duration::from_millis(2)).await;
        }
        gateway.check();
    });
}
