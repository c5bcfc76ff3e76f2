//! The picker's status page on a real Envoy: where it is, who sees it, what it shows.

use gateway_tests::{Call, Gateway, Setup, Version, run};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const LLAMA: &str = "vllm-llama3-8b-instruct";
const LLAMA_MODEL: &str = "meta-llama/Llama-3.1-8B-Instruct";

async fn view(gateway: &Gateway) -> Value {
    let answer = gateway.send_to_status(Call::get("/status/api")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    answer.json()
}

/// The view, once it is as wanted.
async fn view_with(gateway: &Gateway, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..600 {
        let view = view(gateway).await;
        if wanted(&view) {
            return view;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} never came about: {}", view(gateway).await);
}

fn picks(view: &Value) -> u64 {
    view["pools"][0]["minute"]["picks"].as_u64().expect("a number")
}

#[test]
fn the_page_is_on_its_own_listener_only() {
    run(async {
        let gateway = Gateway::start(Setup::guides()).await;
        let page = gateway.send_to_status(Call::get("/status")).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        let policy = page.header("content-security-policy").unwrap();
        let nonce = policy.split("script-src 'nonce-").nth(1).unwrap().split('\'').next().unwrap();
        let html = std::str::from_utf8(&page.body).unwrap();
        assert!(html.contains(&format!("<script nonce=\"{nonce}\">")), "{policy}");
        for path in ["/status", "/status/api"] {
            let answer = gateway.send(Call::get(path)).await;
            assert_eq!(answer.status, 404, "not where clients connect: {answer:?}");
        }
        let head = gateway.send_to_status(Call::new("HEAD", "/status")).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        let post = gateway.send_to_status(Call::json("/status/api", "{}")).await;
        assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
        let other = gateway.send_to_status(Call::get("/status/other")).await;
        assert_eq!(other.status, 404);
        gateway.check();
    });
}

#[test]
fn with_a_header_it_is_there_for_who_knows_the_value() {
    run(async {
        let status = json!({"path": "/ops", "header": {"name": "x-ops", "value": "s3cret"}});
        let gateway = Gateway::start(Setup::guides().picker(json!({"status": status}))).await;
        for (value, expected) in [(None, 404), (Some("wrong"), 404), (Some("s3cret"), 200)] {
            let mut call = Call::get("/ops/api");
            if let Some(value) = value {
                call = call.header("x-ops", value);
            }
            assert_eq!(gateway.send(call).await.status, expected, "{value:?}");
        }
        let plain = Gateway::start(Setup::guides().picker(json!({"status": null}))).await;
        assert_eq!(plain.send_to_status(Call::get("/status")).await.status, 404, "off");
        gateway.check();
    });
}

#[test]
fn it_shows_what_all_workers_did() {
    run(async {
        let gateway = Gateway::start(Setup::guides().echo(json!({})).workers(3)).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        for n in 0..30 {
            let model = if n % 3 == 0 { "food-review-1" } else { LLAMA_MODEL };
            let call = Gateway::echo_call(model).header("x-gateway-inference-objective", "chat");
            gateway.send_over(Version::H1, call).await.expect_route(
                LLAMA,
                Some(model),
                Some(LLAMA_MODEL),
            );
        }
        let view = view_with(&gateway, "30 picks", |view| picks(view) == 30).await;
        let pool = &view["pools"][0];
        assert_eq!((&pool["name"], &pool["outcomes"]["picked"]), (&json!(LLAMA), &json!(30)));
        let endpoints = pool["endpoints"].as_array().unwrap();
        assert_eq!(endpoints.len(), 3);
        let shares = endpoints.iter().map(|e| e["share"].as_f64().unwrap());
        assert!((shares.sum::<f64>() - 1.0).abs() < 1e-6, "{pool}");
        assert_eq!(
            (&pool["minute"]["answers"], &pool["minute"]["failures"]),
            (&json!(30), &json!(0))
        );
        assert!(pool["minute"]["ttftP90Ms"].is_number(), "{pool}");
        let remembers = |e: &Value| e["adapters"]["remembered"] == json!(["food-review-1"]);
        assert!(endpoints.iter().any(remembers), "{pool}");
        let decisions = view["decisions"].as_array().unwrap();
        assert_eq!(decisions.len(), 30);
        for decision in decisions {
            assert_eq!(
                (&decision["pool"], &decision["objective"]),
                (&json!(LLAMA), &json!("chat"))
            );
            assert_eq!(decision["candidates"].as_array().map(Vec::len), Some(3), "{decision}");
        }
        assert!(view["lease"]["holder"].is_string(), "{view}");
        let view = view_with(&gateway, "BBR's counters", |view| {
            view["bbr"]["outcomes"] == json!({"adapter": 10, "base_model": 20})
        });
        let models = view.await["bbr"]["models"].clone();
        let adapter = json!({"name": "food-review-1", "base": LLAMA_MODEL});
        assert!(models.as_array().unwrap().contains(&adapter), "{models}");
        gateway.check();
    });
}

#[test]
fn an_endpoint_that_is_gone_is_shown_with_the_reason() {
    run(async {
        let mut gateway = Gateway::start(Setup::guides()).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        let gone = gateway.take_server(&format!("{LLAMA}-1"));
        let address = gone.addr().to_string();
        gone.stop().await;
        let endpoint = |view: &Value| {
            let endpoints = view["pools"][0]["endpoints"].as_array().unwrap();
            endpoints.iter().find(|e| e["endpoint"] == json!(address)).cloned().unwrap()
        };
        let dead = |view: &Value| endpoint(view)["health"] == "dead";
        let view = view_with(&gateway, "a dead endpoint", dead).await;
        let why = endpoint(&view)["why"].as_str().unwrap().to_owned();
        assert!(why.contains("no connection"), "{why}");
    });
}

/// What is measured is printed, not judged: a busy machine is slow.
#[test]
fn pages_come_at_once_beside_load() {
    run(async {
        let gateway = Gateway::start(Setup::guides().echo(json!({}))).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        let mut took = Vec::new();
        for _ in 0..20 {
            let load = (0..20).map(|_| gateway.echo(LLAMA_MODEL));
            let ask = async {
                let begin = Instant::now();
                let view = view(&gateway).await;
                (begin.elapsed(), view)
            };
            let (answers, (time, view)) = tokio::join!(futures_util::future::join_all(load), ask);
            assert!(answers.iter().all(|answer| answer.status == 200));
            assert!(view["pools"].is_array());
            took.push(time);
        }
        took.sort_unstable();
        println!("status page beside load: median {:?}, slowest {:?}", took[10], took[19]);
        gateway.check();
    });
}

#[test]
fn who_asks_by_header_is_told_why_the_request_went_there() {
    run(async {
        let debug = json!({"name": "x-ops-debug", "value": "s3cret"});
        let changes = json!({"explain": false, "explainFor": debug});
        let gateway = Gateway::start(Setup::guides().echo(json!({})).picker(changes)).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        for (value, told) in [("s3cret", true), ("wrong", false)] {
            let call = Gateway::echo_call(LLAMA_MODEL).header("x-ops-debug", value);
            let answer = gateway.send(call).await;
            let why = answer.header("x-gateway-picker");
            assert_eq!(why.is_some(), told, "{answer:?}");
            if let Some(why) = why {
                let candidates = answer.picker("candidates").unwrap().split(',');
                for candidate in candidates {
                    assert!(why.contains(&format!("; {candidate}=")), "{why}");
                }
                assert!(why.contains(" cost-scorer=") && why.contains("*3"), "{why}");
            }
        }
        gateway_tests::eventually("the choice in one line of the access log", || {
            let log = gateway.envoy().access_log();
            log.contains(" picked, best of 3 named: score ").then_some(())
        })
        .await;
        gateway.check();
    });
}
