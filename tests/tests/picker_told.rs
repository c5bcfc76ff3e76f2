//! What the picker tells of its choices: response header, counters, access log.

use gateway_tests::{Call, Gateway, Setup, eventually, run};
use serde_json::{Value, json};

const LLAMA: &str = "vllm-llama3-8b-instruct";
const LLAMA_MODEL: &str = "meta-llama/Llama-3.1-8B-Instruct";
const PHI: &str = "vllm-phi4-mini-instruct";
const PHI_MODEL: &str = "microsoft/Phi-4-mini-instruct";
const SUBSET: &str = "x-gateway-destination-endpoint-subset";
/// In no configuration; stands for what a client writes.
const PROMPT: &str = "a-secret-of-the-client";

fn call(model: &str, id: &str) -> Call {
    let body = json!({"model": model, "prompt": PROMPT, "max_tokens": 1}).to_string();
    Call::json("/v1/completions", body).header("x-request-id", id)
}

/// The access log's line of this request.
async fn line(gateway: &Gateway, id: &str) -> Value {
    eventually("the line in the access log", || {
        let log = gateway.envoy().access_log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.into_iter().find(|line| line["request_id"] == id)
    })
    .await
}

#[test]
fn header_counters_and_access_log_agree() {
    run(async {
        let setup = Setup::guides().picker_only(&[LLAMA]);
        let setup = setup.picker(json!({"objectives": [{"name": "batch", "priority": -1}]}));
        let gateway = Gateway::start(setup).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        for n in 0..5 {
            let id = format!("picked-{n}");
            let answer = gateway.send(call(LLAMA_MODEL, &id)).await;
            assert_eq!((answer.status, answer.picker("why")), (200, Some("picked")), "{answer:?}");
            let line = line(&gateway, &id).await;
            assert_eq!(line["reason"], "picked", "{line}");
            assert_eq!(line["pool"], LLAMA, "{line}");
            assert_eq!(line["candidates"].as_str(), answer.picker("candidates"), "{line}");
            assert_eq!(line["score"].as_str(), answer.picker("score"), "{line}");
            let endpoint = line["endpoint"].as_str().unwrap();
            assert!(answer.picker("candidates").unwrap().starts_with(endpoint), "{line}");
            let served = gateway.server(answer.pod().unwrap()).addr().to_string();
            assert_eq!(endpoint, served, "{line}");
        }
        for n in 0..3 {
            let id = format!("refused-{n}");
            let refused = call(LLAMA_MODEL, &id).header(SUBSET, "192.0.2.1:80");
            let answer = gateway.send(refused).await;
            let why = answer.picker("why");
            assert_eq!((answer.status, why), (503, Some("no_endpoint")), "{answer:?}");
            let line = line(&gateway, &id).await;
            assert_eq!(line["reason"], "no_endpoint", "{line}");
            assert_eq!(line["pool"], LLAMA, "{line}");
            assert!(line["score"].is_null() && line["endpoint"].is_null(), "{line}");
        }
        // A pool that the picker does not know.
        let answer = gateway.send(call(PHI_MODEL, "passed")).await;
        assert_eq!((answer.status, answer.header("x-gateway-picker")), (200, None), "{answer:?}");
        let passed = line(&gateway, "passed").await;
        assert_eq!(passed["pool"], PHI, "{passed}");
        assert!(passed["reason"].is_null() && passed["candidates"].is_null(), "{passed}");
        for (outcome, count) in [("picked", 5), ("no_endpoint", 3), ("shed", 0)] {
            eventually("the counter", || {
                let counted = gateway.picker_metric("requests", ("igw_outcome", outcome));
                (counted.iter().map(|(_, n)| n).sum::<u64>() == count).then_some(())
            })
            .await;
        }
        eventually("each pick counts for its endpoint", || {
            let picks = gateway.picker_metric("endpoint_picks", ("igw_pool", LLAMA));
            (picks.iter().map(|(_, n)| n).sum::<u64>() == 5).then_some(())
        })
        .await;
        assert!(!gateway.envoy().access_log().contains(PROMPT));
        gateway.check();
    });
}

#[test]
fn without_the_switch_the_access_log_has_no_reason() {
    run(async {
        let setup = Setup::guides().picker_only(&[LLAMA]).picker(json!({"accessLog": false}));
        let gateway = Gateway::start(setup).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        let answer = gateway.send(call(LLAMA_MODEL, "quiet")).await;
        assert_eq!((answer.status, answer.picker("why")), (200, Some("picked")), "{answer:?}");
        let line = line(&gateway, "quiet").await;
        assert!(line["reason"].is_null() && line["score"].is_null(), "{line}");
        assert_eq!(line["candidates"].as_str(), answer.picker("candidates"), "{line}");
        gateway.check();
    });
}
