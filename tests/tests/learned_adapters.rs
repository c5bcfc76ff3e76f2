//! Adapters that the model servers list are routed without a configuration that names them.

use gateway_tests::{Answer, Call, Client, Gateway, Setup, Version, eventually, run};
use serde_json::json;
use std::time::Duration;

const POOL: &str = "vllm-llama3-8b-instruct";
const BASE: &str = "meta-llama/Llama-3.1-8B-Instruct";

fn completion(model: &str) -> Call {
    Call::json("/v1/completions", json!({"model": model, "prompt": "x"}).to_string())
}

/// Sends requests for a model until one is answered so.
async fn wait_for(gateway: &Gateway, model: &str, is_right: impl Fn(&Answer) -> bool) -> Answer {
    let mut last = None;
    for _ in 0..100 {
        let answer = gateway.send(completion(model)).await;
        if is_right(&answer) {
            return answer;
        }
        last = Some(answer);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    gateway.show_log();
    panic!("{model}: {last:?}");
}

async fn start(bbr: serde_json::Value) -> Gateway {
    let picker = json!({"scrape": {"adapterIntervalMs": 200, "adapterGraceMs": 1_000}});
    let setup = Setup::guides().plugin(bbr).picker(picker);
    Gateway::start(setup.picker_pool(POOL, json!({"learnAdapters": true}))).await
}

/// Tells every server of the pool, as vLLM is told.
async fn tell(gateway: &Gateway, path: &str, body: serde_json::Value) {
    let servers = gateway.servers().iter().filter(|server| server.name().starts_with(POOL));
    let mut told = 0;
    for server in servers {
        let mut client = Client::connect(server.addr(), Version::H1).await;
        let answer = client.send(Call::json(path, body.to_string())).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        told += 1;
    }
    assert!(told > 0, "the pool has servers");
}

#[test]
fn an_adapter_loaded_at_run_time_is_routed_and_goes_after_the_grace_time() {
    run(async {
        let gateway = start(json!({"learnAdapters": true})).await;
        assert_eq!(gateway.send(completion("fresh-one")).await.status, 404);
        let adapter = json!({"lora_name": "fresh-one", "lora_path": "/loras/fresh-one"});
        tell(&gateway, "/v1/load_lora_adapter", adapter).await;
        let answer = wait_for(&gateway, "fresh-one", |answer| answer.status == 200).await;
        answer.expect_route(POOL, Some("fresh-one"), Some(BASE));
        let listed = gateway.send(Call::get("/v1/models/fresh-one")).await.json();
        assert_eq!(listed["parent"], BASE);
        tell(&gateway, "/v1/unload_lora_adapter", json!({"lora_name": "fresh-one"})).await;
        // Known to no server: the pool's 404 first, then, forgotten, that of the routes.
        wait_for(&gateway, "fresh-one", |answer| answer.pool().is_none()).await;
        gateway.check();
    });
}

#[test]
fn the_configuration_wins_over_the_servers() {
    run(async {
        // The servers of another pool serve this adapter, so says the configuration.
        let models = json!([
            {"name": "deepseek/vllm-deepseek-r1", "adapters": ["food-review-1"]},
            {"name": BASE}
        ]);
        let gateway = start(json!({"learnAdapters": true, "baseModels": models})).await;
        let line = "a model server lists \"food-review-1\"";
        eventually("the log names the clash", || {
            gateway.envoy().log().contains(line).then_some(())
        })
        .await;
        let answer = gateway.send(completion("food-review-1")).await;
        assert_eq!(answer.pool(), Some("vllm-deepseek-r1"));
        let counter = "wasmcustom.igw_bbr_adapter_clashes";
        eventually("the clash is counted", || (gateway.counter(counter) > 0).then_some(())).await;
        gateway.check();
    });
}

#[test]
fn nothing_is_learned_unless_both_filters_are_told_to() {
    run(async {
        let gateway = start(json!({})).await;
        let adapter = json!({"lora_name": "fresh-one", "lora_path": "/loras/fresh-one"});
        tell(&gateway, "/v1/load_lora_adapter", adapter).await;
        // Ten times as long as learning takes.
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(gateway.send(completion("fresh-one")).await.status, 404);
        gateway.check();
    });
}
