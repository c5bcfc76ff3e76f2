//! Where the picker learns of load besides the usual names on `/metrics`: load reports in
//! responses, and metrics with names of one's own.

use gateway_tests::{Call, Gateway, Load, Setup, Version, endless, eventually, run};
use serde_json::json;
use simulator::{Config, MetricsFlavor, Server};
use std::time::Duration;
use tokio::time::sleep;

const PHI: &str = "vllm-phi4-mini-instruct";
const PHI_MODEL: &str = "microsoft/Phi-4-mini-instruct";
const SUBSET: &str = "x-gateway-destination-endpoint-subset";

/// Servers whose KV cache a few requests fill.
fn small_cache(config: &mut Config) {
    endless(config);
    config.num_gpu_blocks = 16;
}

/// Metrics stay fresh for long, so that scrapes can stop.
fn setup(change: fn(&mut Config), orca: bool) -> Setup {
    let pool = json!({"freshMs": 90_000, "staleMs": 120_000, "orca": orca});
    Setup::guides().echo(json!({})).servers(change).picker_only(&[PHI]).picker_pool(PHI, pool)
}

fn kv(gateway: &Gateway, server: &Server) -> Option<u64> {
    let gauges = gateway.picker_metric("endpoint_kv_permille", ("igw_pool", PHI));
    let endpoint = server.addr().to_string();
    gauges.into_iter().find(|(e, _)| *e == endpoint).map(|(_, value)| value)
}

/// Of 32 picks, over connections to all workers: by how many the pool is known to be
/// loaded, and how many go elsewhere.
async fn known_and_elsewhere(gateway: &Gateway, server: &Server) -> (usize, usize) {
    let (mut known, mut others) = (0, 0);
    for _ in 0..32 {
        let answer = gateway.connect(Version::H1).await.send(Gateway::echo_call(PHI_MODEL)).await;
        assert_eq!((answer.status, answer.picker("why")), (200, Some("picked")), "{answer:?}");
        let saturation = answer.picker("saturation").and_then(|text| text.parse::<f64>().ok());
        known += usize::from(saturation.expect("explained") > 0.25);
        others += usize::from(answer.pod() != Some(server.name()));
    }
    (known, others)
}

async fn a_report_reaches_all_workers(change: fn(&mut Config)) {
    let gateway = Gateway::start(setup(change, true).workers(4)).await;
    gateway.wait_for_scrapes(PHI, 2).await;
    for server in gateway.servers() {
        server.faults().update(|faults| faults.metrics_delay_ms = 3_600_000).unwrap();
    }
    let timeouts = || gateway.counter("cluster.igw_scrape.upstream_rq_timeout");
    eventually("scrapes that hang", || (timeouts() >= 2).then_some(())).await;
    let (busy, idle) = (gateway.server(&format!("{PHI}-0")), gateway.server(&format!("{PHI}-1")));
    // Fills most of its cache, and no scrape sees it.
    let load = Load::on(busy, PHI_MODEL, 12).await;
    let scrapes = gateway.picker_metric("scrapes", ("igw_pool", PHI));
    let body = json!({"model": PHI_MODEL, "prompt": "x", "max_tokens": 1}).to_string();
    let call = Call::json("/v1/completions", body).header(SUBSET, busy.addr().to_string());
    let answer = gateway.send(call).await;
    assert_eq!((answer.status, answer.pod()), (200, Some(busy.name())), "{answer:?}");
    assert_eq!(answer.header("endpoint-load-metrics"), None, "not for clients: {answer:?}");
    eventually("the report in the gauges", || {
        kv(&gateway, busy).is_some_and(|kv| kv >= 500).then_some(())
    })
    .await;
    for round in 0.. {
        let known = known_and_elsewhere(&gateway, busy).await;
        // Who is late tells of a request that has ended, which counts against the idle one.
        if known == (32, 32) {
            break;
        }
        assert!(round < 100, "not every worker goes by the report: {known:?} of 32");
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(gateway.picker_metric("scrapes", ("igw_pool", PHI)), scrapes, "not by a scrape");
    assert!(kv(&gateway, idle).is_none_or(|kv| kv == 0));
    drop(load);
    gateway.check();
}

#[test]
fn a_report_in_a_response_counts_in_all_workers() {
    run(a_report_reaches_all_workers(small_cache));
}

#[test]
fn a_report_may_be_json() {
    run(a_report_reaches_all_workers(|config| {
        small_cache(config);
        config.json_load_reports = true;
    }));
}

#[test]
fn without_the_switch_no_report_is_asked_for() {
    run(async {
        let gateway = Gateway::start(setup(small_cache, false)).await;
        let answer = gateway.echo(PHI_MODEL).await;
        assert!(answer.echoed("endpoint-load-metrics-format").is_empty(), "{answer:?}");
        gateway.check();
    });
}

#[test]
fn metrics_may_have_names_of_their_own() {
    run(async {
        let names = json!({
            // Nothing on the page has vLLM's names.
            "server": "vllm",
            "metrics": {
                "waiting": "sglang:num_queue_reqs",
                "running": "sglang:num_running_reqs",
                "kvUsage": "sglang:token_usage"
            }
        });
        let setup = Setup::guides().echo(json!({})).picker_only(&[PHI]).picker_pool(PHI, names);
        let setup = setup.servers(|config| {
            endless(config);
            config.metrics = MetricsFlavor::Sglang;
        });
        let gateway = Gateway::start(setup).await;
        gateway.wait_for_scrapes(PHI, 2).await;
        for (busy, idle) in [(0, 1), (1, 0)] {
            let busy = gateway.server(&format!("{PHI}-{busy}"));
            let load = Load::on(busy, PHI_MODEL, 8).await;
            gateway.wait_for_load(PHI, busy, 8).await;
            for _ in 0..10 {
                let answer = gateway.echo(PHI_MODEL).await;
                assert_eq!(answer.pod(), Some(&*format!("{PHI}-{idle}")), "{answer:?}");
            }
            drop(load);
            gateway.wait_for_load(PHI, busy, 0).await;
        }
        gateway.check();
    });
}
