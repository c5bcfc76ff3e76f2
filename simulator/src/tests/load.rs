//! The engine behind HTTP: queueing, slots given back, metrics under load.

use super::client::*;
use crate::{Config, Stage, Timings};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn load_shows_in_the_metrics_and_a_client_that_leaves_frees_its_place() {
    let config = Config { max_num_seqs: 1, timings: endless(), ..config() };
    let server = start(config).await;
    let ask = json!({"model": "food", "prompt": "Hi", "stream": true});
    let first = post_open(&server, "/v1/completions", &ask).await;
    let second = post_open(&server, "/v1/completions", &ask).await;
    until(|| server.load().waiting == 1).await;
    let page = get(&server, "/metrics").await;
    for line in [
        "vllm:num_requests_running{engine=\"0\",model_name=\"base\"} 1.0",
        "vllm:num_requests_waiting{engine=\"0\",model_name=\"base\"} 1.0",
        "running_lora_adapters=\"food\",waiting_lora_adapters=\"food\"}",
    ] {
        assert!(page.text().contains(line), "{line}");
    }
    assert!(server.load().kv_usage > 0.0);
    drop(first);
    until(|| server.load().waiting == 0).await;
    assert_eq!(server.load().running, 1);
    drop(second);
    until(|| server.load().running == 0).await;
    assert_eq!(server.load().kv_usage, 0.0);
    until(|| server.requests().iter().all(|seen| seen.stage == Stage::Aborted)).await;
}

#[tokio::test]
async fn a_client_that_leaves_without_a_stream_frees_its_place_too() {
    let server = start(Config { timings: endless(), ..config() }).await;
    let ask = json!({"model": "base", "prompt": "Hi"});
    let asking = post(&server, "/v1/completions", &ask);
    let given_up = tokio::time::timeout(Duration::from_millis(200), asking).await;
    assert!(given_up.is_err());
    until(|| server.load().running == 0).await;
    assert_eq!(server.requests()[0].stage, Stage::Aborted);
}

#[tokio::test]
async fn answers_take_the_time_the_timings_say() {
    let timings = Timings {
        prefill_base: Duration::from_millis(50),
        decode_base: Duration::from_millis(10),
        decode_per_running: Duration::ZERO,
        jitter: 0.0,
        ..Timings::default()
    };
    let server = start(Config { timings, ..config() }).await;
    let ask = json!({"model": "base", "prompt": "Hi", "max_tokens": 11});
    let before = std::time::Instant::now();
    post(&server, "/v1/completions", &ask).await;
    // Only a lower bound: a busy machine may take longer.
    assert!(before.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn many_requests_at_once_are_all_answered() {
    let config = Config { max_num_seqs: 4, time_scale: 0.05, ..config() };
    let server = start(config).await;
    let asks = (0..100).map(|n| {
        let model = if n % 2 == 0 { "base" } else { "food" };
        let ask = json!({"model": model, "prompt": format!("question {n}"), "max_tokens": 8});
        post(&server, "/v1/completions", ask)
    });
    let answers = futures_util::future::join_all(asks).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let page = get(&server, "/metrics").await;
    let done = "vllm:e2e_request_latency_seconds_count{engine=\"0\",model_name=\"base\"} 100.0";
    assert!(page.text().contains(done));
}
