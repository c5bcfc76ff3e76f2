//! Faults, set by handle and over HTTP.

use super::client::*;
use crate::{Config, FaultSettings, Stage};
use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use std::time::Duration;

fn ask() -> serde_json::Value {
    json!({"model": "base", "prompt": "Hi"})
}

#[tokio::test]
async fn errors_come_at_the_rate_asked_for_and_only_for_inference() {
    let server = server().await;
    let posted = post(&server, "/sim/faults", json!({"error_rate": 1, "error_status": 503})).await;
    assert_eq!(posted.json()["error_rate"], 1.0);
    let answer = post(&server, "/v1/completions", ask()).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-inference-pod")), (503, "pod-0"));
    assert_eq!(answer.json()["error"]["code"], 503);
    assert_eq!(get(&server, "/v1/models").await.status, 200);
    assert_eq!(get(&server, "/health").await.status, 200);
    server.faults().clear();
    assert_eq!(post(&server, "/v1/completions", ask()).await.status, 200);
}

#[tokio::test]
async fn a_post_changes_only_what_it_names_and_refuses_nonsense() {
    let server = server().await;
    post(&server, "/sim/faults", json!({"metrics_garbage": true})).await;
    post(&server, "/sim/faults", json!({"reset_after_tokens": 2})).await;
    let expected = FaultSettings {
        metrics_garbage: true,
        reset_after_tokens: Some(2),
        ..FaultSettings::default()
    };
    assert_eq!(server.faults().get(), expected);
    for wrong in ["{\"error_rat\": 1}", "{\"error_rate\": 2}", "{\"hang\": 1}", "[]", "x", ""] {
        let answer = post(&server, "/sim/faults", wrong).await;
        assert_eq!(answer.status, 400, "{wrong}");
        assert_eq!(server.faults().get(), expected);
    }
    post(&server, "/sim/faults", json!({"reset_after_tokens": null})).await;
    assert_eq!(server.faults().get().reset_after_tokens, None);
    let request =
        request(&server, Method::DELETE, "/sim/faults").body(Full::<Bytes>::default()).unwrap();
    read(open(request, false).await).await;
    assert_eq!(server.faults().get(), FaultSettings::default());
    assert_eq!(get(&server, "/sim/faults").await.json(), json!(FaultSettings::default()));
}

#[tokio::test]
async fn a_hanging_server_answers_once_it_no_longer_hangs() {
    let server = server().await;
    server.faults().update(|faults| faults.hang = true).unwrap();
    let asking = post(&server, "/v1/completions", ask());
    let mut asking = std::pin::pin!(asking);
    let early = tokio::time::timeout(Duration::from_millis(100), asking.as_mut()).await;
    assert!(early.is_err());
    assert_eq!(server.requests()[0].stage, Stage::Answering);
    assert_eq!(server.requests()[0].body_bytes, ask().to_string().len() as u64);
    server.faults().clear();
    assert_eq!(asking.await.status, 200);
}

#[tokio::test]
async fn metrics_can_be_slow_or_garbage() {
    let server = server().await;
    assert!(get(&server, "/metrics").await.text().contains("vllm:num_requests_waiting{"));
    server.faults().update(|faults| faults.metrics_garbage = true).unwrap();
    let garbage = get(&server, "/metrics").await;
    assert_eq!(garbage.status, 200);
    assert!(std::str::from_utf8(&garbage.body).is_err());
    let delay = Duration::from_millis(150);
    server.faults().update(|faults| faults.metrics_delay_ms = 150).unwrap();
    let before = std::time::Instant::now();
    get(&server, "/metrics").await;
    assert!(before.elapsed() >= delay);
}

#[tokio::test]
async fn garbage_can_be_large() {
    let server = server().await;
    let large = |faults: &mut FaultSettings| {
        (faults.metrics_garbage, faults.metrics_garbage_bytes) = (true, 20_000_000);
    };
    server.faults().update(large).unwrap();
    assert_eq!(get(&server, "/metrics").await.body.len(), 20_000_000);
}

#[tokio::test]
async fn a_slow_server_answers_late_and_is_not_busy_meanwhile() {
    let server = server().await;
    server.faults().update(|faults| faults.delay_ms = 150).unwrap();
    let before = std::time::Instant::now();
    assert_eq!(post(&server, "/v1/completions", ask()).await.status, 200);
    assert!(before.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_killed_server_breaks_off_its_answers_and_frees_its_port() {
    let mut server = server().await;
    server.faults().update(|faults| faults.hang = true).unwrap();
    let address = server.addr();
    let request = request(&server, Method::POST, "/v1/completions")
        .body(Full::new(Bytes::from(ask().to_string())))
        .unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let asking = tokio::spawn(client.request(request));
    until(|| server.requests().len() == 1).await;
    server.kill().await;
    assert!(asking.await.unwrap().is_err());
    until(|| server.requests()[0].stage == Stage::Aborted).await;
    let again = start(Config { listen: address, ..config() }).await;
    assert_eq!(post(&again, "/v1/completions", ask()).await.status, 200);
}

#[tokio::test]
async fn health_can_fail() {
    let server = server().await;
    server.faults().update(|faults| faults.unhealthy = true).unwrap();
    assert_eq!(get(&server, "/health").await.status, 503);
}

#[tokio::test]
async fn a_streamed_answer_breaks_off_after_its_tokens_on_h1_and_h2() {
    let server = start(Config { time_scale: 0.1, ..config() }).await;
    server.faults().update(|faults| faults.reset_after_tokens = Some(3)).unwrap();
    for h2 in [false, true] {
        let body = json!({"model": "base", "prompt": "Hi", "stream": true, "max_tokens": 50});
        let request = request(&server, Method::POST, "/v1/completions")
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap();
        let mut answer = open(request, h2).await.into_body();
        let mut text = Vec::new();
        let broken = loop {
            match answer.frame().await {
                Some(Ok(frame)) => text.extend_from_slice(&frame.into_data().unwrap()),
                Some(Err(_)) => break true,
                None => break false,
            }
        };
        assert!(broken, "h2: {h2}");
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.matches("data: ").count(), 3, "{text}");
        assert!(!text.contains("[DONE]"));
        until(|| server.requests().last().unwrap().stage == Stage::Aborted).await;
        until(|| server.load().running == 0).await;
    }
}
