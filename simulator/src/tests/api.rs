//! Each endpoint's answers and errors.

use super::client::*;
use crate::Config;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use http_body_util::Full;
use serde_json::{Value, json};

fn chat(model: &str) -> Value {
    json!({"model": model, "max_tokens": 10, "messages": [
        {"role": "reviewer", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Linux is said to be an open source kernel because "},
    ]})
}

#[tokio::test]
async fn a_chat_is_answered_with_usage_whatever_the_roles() {
    let server = server().await;
    let answer = post(&server, "/v1/chat/completions", chat("base")).await;
    assert_eq!(answer.status, 200);
    let body = answer.json();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["model"], "base");
    let choice = &body["choices"][0];
    assert_eq!(choice["message"]["role"], "assistant");
    assert_eq!(choice["message"]["content"].as_str().unwrap().len(), 40);
    assert_eq!(choice["finish_reason"], "length");
    let usage = &body["usage"];
    assert_eq!(usage["completion_tokens"], 10);
    let prompt = usage["prompt_tokens"].as_u64().unwrap();
    assert!((20..60).contains(&prompt), "{prompt}");
    assert_eq!(usage["total_tokens"], prompt + 10);
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 0);
}

#[tokio::test]
async fn the_same_question_gets_the_same_answer_from_every_server_and_the_cache() {
    let (one, two) = (server().await, server().await);
    let first = post(&one, "/v1/chat/completions", chat("base")).await.json();
    let other = post(&two, "/v1/chat/completions", chat("base")).await.json();
    let again = post(&one, "/v1/chat/completions", chat("base")).await.json();
    assert_eq!(first["choices"], other["choices"]);
    assert_eq!(first["choices"], again["choices"]);
    let cached = again["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap();
    assert!(cached >= 16 && cached.is_multiple_of(16), "{cached}");
    assert_ne!(first["id"], again["id"]);
    let adapter = post(&one, "/v1/chat/completions", chat("food")).await.json();
    assert_eq!(adapter["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
}

#[tokio::test]
async fn an_unknown_model_is_a_404_in_vllms_words() {
    let server = server().await;
    for (path, body) in [
        ("/v1/chat/completions", chat("nope")),
        ("/v1/completions", json!({"model": "nope", "prompt": "x"})),
        ("/v1/embeddings", json!({"model": "nope", "input": "x"})),
        ("/v1/responses", json!({"model": "nope", "input": "x"})),
    ] {
        let answer = post(&server, path, body).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(
            answer.json(),
            json!({"error": {"message": "The model `nope` does not exist.",
                "type": "NotFoundError", "param": "model", "code": 404}})
        );
    }
}

#[tokio::test]
async fn a_body_without_a_model_goes_to_the_base_model_as_in_vllm() {
    let server = server().await;
    let answer = post(&server, "/v1/completions", json!({"prompt": "x"})).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["model"]), (200, &json!("base")));
}

#[tokio::test]
async fn bad_bodies_are_a_400_with_an_error_object() {
    let server = server().await;
    let bodies = [
        ("/v1/chat/completions", "{\"model\": \"base\"".to_owned()),
        ("/v1/chat/completions", String::new()),
        ("/v1/chat/completions", "[]".to_owned()),
        ("/v1/chat/completions", json!({"model": "base"}).to_string()),
        ("/v1/chat/completions", json!({"model": 1, "messages": []}).to_string()),
        ("/v1/chat/completions", json!({"model": "base", "messages": "x"}).to_string()),
        (
            "/v1/chat/completions",
            json!({"model": "base", "messages": [], "max_tokens": 0}).to_string(),
        ),
        ("/v1/chat/completions", json!({"messages": [], "stream": "yes"}).to_string()),
        ("/v1/completions", json!({"model": "base", "prompt": {}}).to_string()),
        ("/v1/completions", json!({"prompt": "x", "n": 1_000_000}).to_string()),
        ("/v1/embeddings", json!({"model": "base", "input": []}).to_string()),
        ("/v1/embeddings", json!({"input": "x", "encoding_format": "hex"}).to_string()),
        ("/v1/responses", json!({"model": "base", "input": 5}).to_string()),
        ("/v1/audio/transcriptions", json!({"model": "base"}).to_string()),
        ("/v1/load_lora_adapter", json!({"lora_name": "x"}).to_string()),
    ];
    for (path, body) in bodies {
        let answer = post(&server, path, &body).await;
        assert_eq!(answer.status, 400, "{path} {body}");
        let error = answer.json();
        assert_eq!(error["error"]["code"], 400, "{path} {body}");
        assert!(!error["error"]["message"].as_str().unwrap().is_empty());
        assert_eq!(answer.header("x-inference-pod"), "pod-0");
    }
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_answer_like_the_web_framework() {
    let server = server().await;
    let answer = get(&server, "/v1/nothing").await;
    assert_eq!((answer.status.as_u16(), answer.json()), (404, json!({"detail": "Not Found"})));
    let answer = get(&server, "/v1/chat/completions").await;
    let expected = json!({"detail": "Method Not Allowed"});
    assert_eq!((answer.status.as_u16(), answer.json()), (405, expected));
}

#[tokio::test]
async fn completions_answer_each_prompt_n_times() {
    let server = server().await;
    let body = json!({"model": "base", "prompt": ["one", "two"], "n": 2});
    let answer = post(&server, "/v1/completions", body).await.json();
    let choices = answer["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 4);
    for (index, choice) in choices.iter().enumerate() {
        assert_eq!(choice["index"], index);
        assert_eq!(choice["text"].as_str().unwrap().len(), 64, "16 tokens by default");
    }
    assert_ne!(choices[0]["text"], choices[1]["text"]);
    assert_eq!(answer["usage"]["prompt_tokens"], 2);
    assert_eq!(answer["usage"]["completion_tokens"], 64);
}

#[tokio::test]
async fn responses_are_answered() {
    let server = server().await;
    let body = json!({"model": "base", "input": "Hi", "instructions": "Be brief"});
    let answer = post(&server, "/v1/responses", body).await.json();
    assert_eq!(answer["status"], "completed");
    let text = answer["output"][0]["content"][0]["text"].as_str().unwrap();
    assert!(text.ends_with('.'));
    let usage = &answer["usage"];
    assert_eq!(usage["output_tokens"], text.len().div_ceil(4));
    let body = json!({"model": "base", "input": [{"role": "user", "content": "Hi"}],
        "max_output_tokens": 3});
    let answer = post(&server, "/v1/responses", body).await.json();
    assert_eq!(answer["incomplete_details"]["reason"], "max_output_tokens");
}

#[tokio::test]
async fn embeddings_are_unit_vectors_in_both_encodings() {
    let server = server().await;
    let body = json!({"model": "base", "input": ["a", "b", "a"], "dimensions": 8});
    let floats = post(&server, "/v1/embeddings", body).await.json();
    let vector = |index: usize| -> Vec<f32> {
        serde_json::from_value(floats["data"][index]["embedding"].clone()).unwrap()
    };
    assert_eq!(vector(0), vector(2));
    assert_ne!(vector(0), vector(1));
    let length: f32 = vector(0).iter().map(|number| number * number).sum();
    assert!((length - 1.0).abs() < 1e-5);
    assert_eq!(floats["usage"]["prompt_tokens"], 3);
    let body = json!({"model": "base", "input": "a", "dimensions": 8, "encoding_format": "base64"});
    let packed = post(&server, "/v1/embeddings", body).await.json();
    let bytes = STANDARD.decode(packed["data"][0]["embedding"].as_str().unwrap()).unwrap();
    let unpacked: Vec<f32> =
        bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    assert_eq!(unpacked, vector(0));
}

fn form(parts: &[(&str, &str)]) -> String {
    let mut body = String::new();
    for (name, value) in parts {
        body += "--cut\r\nContent-Disposition: form-data; ";
        body += &format!("name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body + "--cut--\r\n"
}

async fn transcribe(server: &crate::Server, parts: &[(&str, &str)]) -> Answer {
    let request = request(server, Method::POST, "/v1/audio/transcriptions")
        .header("content-type", "multipart/form-data; boundary=cut")
        .body(Full::new(Bytes::from(form(parts))))
        .unwrap();
    read(open(request, false).await).await
}

#[tokio::test]
async fn audio_is_transcribed_for_the_model_of_the_form() {
    let server = server().await;
    let answer = transcribe(&server, &[("file", "RIFF...."), ("model", "base")]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json()["text"].as_str().unwrap().len() > 20);
    assert_eq!(server.requests()[0].model.as_deref(), Some("base"));
    for wrong in [&[("file", "x")][..], &[("model", "base")][..]] {
        assert_eq!(transcribe(&server, wrong).await.status, 400);
    }
    assert_eq!(transcribe(&server, &[("file", "x"), ("model", "nope")]).await.status, 404);
}

#[tokio::test]
async fn models_are_listed_with_root_and_parent() {
    let names = vec!["alias".to_owned(), "other".to_owned()];
    let server = start(Config { served_model_names: names, ..config() }).await;
    let list = get(&server, "/v1/models").await.json();
    let cards: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|card| (&card["id"], &card["root"], &card["parent"]))
        .map(|(id, root, parent)| json!([id, root, parent]))
        .collect();
    assert_eq!(
        json!(cards),
        json!([
            ["alias", "base", null],
            ["other", "base", null],
            ["food", "org/food-lora", "alias"]
        ])
    );
}

#[tokio::test]
async fn adapters_are_loaded_and_unloaded() {
    let server = server().await;
    let body = json!({"lora_name": "ski", "lora_path": "/loras/ski"});
    assert_eq!(post(&server, "/v1/chat/completions", chat("ski")).await.status, 404);
    let loaded = post(&server, "/v1/load_lora_adapter", &body).await;
    assert_eq!(loaded.text(), "Success: LoRA adapter 'ski' added successfully.");
    assert_eq!(post(&server, "/v1/load_lora_adapter", &body).await.status, 400);
    assert_eq!(post(&server, "/v1/chat/completions", chat("ski")).await.status, 200);
    let list = get(&server, "/v1/models").await.json();
    assert_eq!(list["data"][2]["root"], "/loras/ski");
    assert_eq!(post(&server, "/v1/unload_lora_adapter", &body).await.status, 200);
    assert_eq!(post(&server, "/v1/unload_lora_adapter", &body).await.status, 404);
    assert_eq!(post(&server, "/v1/chat/completions", chat("ski")).await.status, 404);
}

#[tokio::test]
async fn a_long_prompt_is_cut_or_refused() {
    let long = json!({"model": "base", "prompt": "x".repeat(10_000), "max_tokens": 4});
    let config = Config { max_model_len: 100, time_scale: 0.0, ..config() };
    let server = start(config.clone()).await;
    let answer = post(&server, "/v1/completions", &long).await.json();
    assert_eq!(answer["usage"]["total_tokens"], 100);
    let strict = start(Config { reject_long_prompts: true, ..config }).await;
    let answer = post(&strict, "/v1/completions", &long).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("maximum context length is 100 tokens"));
}

#[tokio::test]
async fn the_load_report_comes_in_the_format_asked_for() {
    let server = server().await;
    for (format, start) in
        [("TEXT", "TEXT named_metrics.kv_cache_usage_perc=0.0"), ("JSON", "JSON {"), ("x", "")]
    {
        let request = request(&server, Method::POST, "/v1/chat/completions")
            .header("endpoint-load-metrics-format", format)
            .body(Full::new(Bytes::from(chat("base").to_string())))
            .unwrap();
        let answer = read(open(request, false).await).await;
        let report = answer.header("endpoint-load-metrics");
        assert!(report.starts_with(start) && report.is_empty() == start.is_empty(), "{report}");
    }
}
