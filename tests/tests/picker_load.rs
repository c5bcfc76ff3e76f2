//! The picker sends requests where they wait least.

use futures_util::future::join_all;
use gateway_tests::{Gateway, Load, Setup, Version, endless, eventually, run};
use serde_json::json;
use std::collections::BTreeMap;

const LLAMA: &str = "vllm-llama3-8b-instruct";
const LLAMA_MODEL: &str = "meta-llama/Llama-3.1-8B-Instruct";
const PHI: &str = "vllm-phi4-mini-instruct";
const PHI_MODEL: &str = "microsoft/Phi-4-mini-instruct";
const GEMMA_MODEL: &str = "google/gemma-3-4b-it";

fn setup() -> Setup {
    Setup::guides().echo(json!({})).servers(endless)
}

/// Which servers answered, and how often.
async fn spread(gateway: &Gateway, model: &str, requests: usize) -> BTreeMap<String, usize> {
    let mut spread = BTreeMap::new();
    for _ in 0..requests {
        let answer = gateway.echo(model).await;
        assert_eq!((answer.status, answer.picker("why")), (200, Some("picked")), "{answer:?}");
        *spread.entry(answer.pod().unwrap().to_owned()).or_default() += 1;
    }
    spread
}

#[test]
fn picks_follow_load() {
    run(async {
        let gateway = Gateway::start(setup().picker_only(&[PHI])).await;
        gateway.wait_for_scrapes(PHI, 2).await;
        for (busy, idle) in [(0, 1), (1, 0), (0, 1)] {
            let busy = gateway.server(&format!("{PHI}-{busy}"));
            let idle = gateway.server(&format!("{PHI}-{idle}"));
            let load = Load::on(busy, PHI_MODEL, 8).await;
            gateway.wait_for_load(PHI, busy, 8).await;
            for _ in 0..20 {
                let answer = gateway.echo(PHI_MODEL).await;
                assert_eq!(answer.pod(), Some(idle.name()), "{answer:?}");
                assert_eq!(answer.picker("pool"), Some(PHI), "{answer:?}");
                assert_eq!(answer.picker("why"), Some("picked"), "{answer:?}");
                let candidates = format!("{},{}", idle.addr(), busy.addr());
                assert_eq!(answer.picker("candidates"), Some(&*candidates), "{answer:?}");
                let score: f64 = answer.picker("score").unwrap().parse().unwrap();
                assert!(score > 0.0, "{answer:?}");
            }
            drop(load);
            gateway.wait_for_load(PHI, busy, 0).await;
        }
        gateway.check();
    });
}

#[test]
fn a_burst_between_two_scrapes_spreads_over_the_endpoints() {
    run(async {
        // One worker knows of all the burst; the next test is about several.
        let slow = json!({"scrape": {"intervalMs": 5_000}});
        let setup = setup().workers(1).picker_only(&[LLAMA]).picker(slow);
        let gateway = Gateway::start(setup).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        let mut clients = Vec::new();
        for _ in 0..30 {
            clients.push(gateway.connect(Version::H1).await);
        }
        let begun = clients.iter_mut().map(|client| client.start(Load::call(LLAMA_MODEL)));
        let answers: Vec<_> = join_all(begun).await.into_iter().map(Result::unwrap).collect();
        for answer in &answers {
            let why = answer.headers()["x-gateway-picker"].to_str().unwrap();
            assert!(why.contains("why=picked;"), "{why}");
        }
        let counts: Vec<_> =
            gateway.servers().iter().map(|s| (s.name(), s.load().running)).take(3).collect();
        assert_eq!(counts.iter().map(|(_, n)| n).sum::<usize>(), 30, "{counts:?}");
        assert!(counts.iter().all(|(_, n)| (8..=12).contains(n)), "{counts:?}");
        gateway.check();
    });
}

#[test]
fn a_burst_over_several_workers_leaves_no_endpoint_out() {
    run(async {
        let gateway = Gateway::start(setup().workers(4).picker_only(&[LLAMA])).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        let mut clients = Vec::new();
        for _ in 0..30 {
            clients.push(gateway.connect(Version::H1).await);
        }
        let begun = clients.iter_mut().map(|client| client.start(Load::call(LLAMA_MODEL)));
        let answers: Vec<_> = join_all(begun).await.into_iter().map(Result::unwrap).collect();
        let counts: Vec<_> =
            gateway.servers().iter().map(|s| (s.name(), s.load().running)).take(3).collect();
        assert_eq!(counts.iter().map(|(_, n)| n).sum::<usize>(), 30, "{counts:?}");
        assert!(counts.iter().all(|(_, n)| *n >= 5), "{counts:?}");
        drop(answers);
        gateway.check();
    });
}

#[test]
fn an_adapter_goes_where_it_runs() {
    run(async {
        let setup = setup().picker_only(&["gemma3"]).endpoints("gemma3", 8020..8024);
        let setup = setup.servers(|config| {
            endless(config);
            config.max_loras = 1;
        });
        let gateway = Gateway::start(setup).await;
        gateway.wait_for_scrapes("gemma3", 4).await;
        let has = gateway.server("gemma3-2");
        let load = Load::on(has, "english-bot", 1).await;
        gateway.wait_for_load("gemma3", has, 1).await;
        let english = spread(&gateway, "english-bot", 40).await;
        assert!(english.get("gemma3-2").is_some_and(|n| *n >= 36), "{english:?}");
        // The only slot is taken, so another adapter goes elsewhere, and so does the base.
        let spanish = spread(&gateway, "spanish-bot", 40).await;
        assert!(spanish.get("gemma3-2").is_none_or(|n| *n <= 4), "{spanish:?}");
        let base = spread(&gateway, GEMMA_MODEL, 40).await;
        assert!(base.get("gemma3-2").is_none_or(|n| *n <= 4), "{base:?}");
        drop(load);
        gateway.check();
    });
}

#[test]
fn an_adapter_goes_again_where_it_was_sent() {
    run(async {
        let setup = setup().workers(1).picker_only(&["gemma3"]).endpoints("gemma3", 8020..8024);
        let setup = setup.servers(|config| {
            endless(config);
            config.max_loras = 1;
        });
        let gateway = Gateway::start(setup).await;
        gateway.wait_for_scrapes("gemma3", 4).await;
        for model in ["english-bot", "spanish-bot", "english-bot"] {
            let spread = spread(&gateway, model, 20).await;
            assert!(spread.values().any(|n| *n >= 18), "{model}: {spread:?}");
        }
        let spread = spread(&gateway, GEMMA_MODEL, 60).await;
        assert_eq!(spread.len(), 4, "without an adapter all are equal: {spread:?}");
        gateway.check();
    });
}

#[test]
fn four_workers_agree() {
    run(async {
        let gateway = Gateway::start(setup().workers(4).picker_only(&[LLAMA])).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        for idle in [2, 0] {
            let mut loads = Vec::new();
            for busy in (0..3).filter(|n| *n != idle) {
                let busy = gateway.server(&format!("{LLAMA}-{busy}"));
                loads.push(Load::on(busy, LLAMA_MODEL, 10).await);
            }
            for busy in (0..3).filter(|n| *n != idle) {
                let busy = gateway.server(&format!("{LLAMA}-{busy}"));
                gateway.wait_for_load(LLAMA, busy, 10).await;
            }
            // The kernel spreads connections over the workers.
            let mut clients = Vec::new();
            for _ in 0..64 {
                clients.push(gateway.connect(Version::H1).await);
            }
            for client in &mut clients {
                let answer = client.send(Gateway::echo_call(LLAMA_MODEL)).await;
                assert_eq!(answer.pod(), Some(&*format!("{LLAMA}-{idle}")), "{answer:?}");
                assert_eq!(answer.picker("why"), Some("picked"), "{answer:?}");
            }
            drop(loads);
            for server in gateway.servers().iter().take(3) {
                gateway.wait_for_load(LLAMA, server, 0).await;
            }
        }
        gateway.check();
    });
}

#[test]
fn two_hundred_endpoints_stay_fresh() {
    run(async {
        let setup = setup().picker_only(&["gemma3"]).endpoints("gemma3", 20_000..20_200);
        let gateway = Gateway::start(setup).await;
        gateway.wait_for_scrapes("gemma3", 200).await;
        // A second as configured: younger metrics count in full.
        let pool = ("igw_pool", "gemma3");
        eventually("all of them ready and fresh at once", || {
            let ages = gateway.picker_metric("endpoint_age_milliseconds", pool);
            let fresh = ages.iter().filter(|(_, age)| *age < 1_000).count();
            let ready = gateway.picker_metric("ready_endpoints", pool);
            (fresh == 200 && ready == [(String::new(), 200)]).then_some(())
        })
        .await;
        let spread = spread(&gateway, GEMMA_MODEL, 400).await;
        assert!(spread.len() > 100, "idle endpoints are equal: {spread:?}");
        // One of them is found among the others.
        let mut loads = Vec::new();
        for server in gateway.servers().iter().filter(|s| s.name().starts_with("gemma3-")) {
            if server.name() != "gemma3-117" {
                loads.push(Load::on(server, GEMMA_MODEL, 2).await);
            }
        }
        eventually("the load in the metrics", || {
            let running = gateway.picker_metric("endpoint_running", pool);
            (running.iter().filter(|(_, n)| *n == 2).count() == 199).then_some(())
        })
        .await;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        for _ in 0..20 {
            let answer = gateway.echo(GEMMA_MODEL).await;
            assert_eq!(answer.pod(), Some("gemma3-117"), "{answer:?}");
        }
        let count = |name| -> u64 {
            gateway.picker_metric(name, pool).into_iter().map(|(_, count)| count).sum()
        };
        let (scrapes, failures) = (count("scrapes"), count("scrape_failures"));
        // One may time out while the machine does something else for a second.
        assert!(failures * 100 <= scrapes, "{failures} of {scrapes} scrapes failed");
        drop(loads);
        gateway.check();
    });
}

#[test]
fn a_worker_that_hands_the_scrapes_over_loses_no_metrics() {
    run(async {
        let gateway = Gateway::start(setup().picker_only(&[LLAMA])).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        // While it sends requests a worker scrapes no longer, if it did: the main thread does.
        for _ in 0..500 {
            let answer = gateway.echo(LLAMA_MODEL).await;
            assert_eq!((answer.status, answer.picker("why")), (200, Some("picked")), "{answer:?}");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        gateway.check();
    });
}
