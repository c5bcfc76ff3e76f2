//! Streamed answers, event by event.

use super::client::*;
use serde_json::{Value, json};

/// The events' data; `[DONE]` stays a string.
fn events(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
    let blocks = answer.text().split_terminator("\n\n");
    blocks
        .map(|block| {
            let data = block.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
            serde_json::from_str(data).unwrap_or_else(|_| data.into())
        })
        .collect()
}

#[tokio::test]
async fn a_streamed_chat_says_what_the_whole_answer_says() {
    let server = server().await;
    let mut body = json!({"model": "base", "messages": [{"role": "user", "content": "Hi"}]});
    let whole = post(&server, "/v1/chat/completions", &body).await.json();
    body["stream"] = true.into();
    body["stream_options"] = json!({"include_usage": true});
    let events = events(&post(&server, "/v1/chat/completions", &body).await);
    let (done, events) = events.split_last().unwrap();
    let (usage, chunks) = events.split_last().unwrap();
    assert_eq!(done, "[DONE]");
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"]["completion_tokens"], whole["usage"]["completion_tokens"]);
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(chunks.len() as u64 - 1, usage["usage"]["completion_tokens"].as_u64().unwrap());
    let said: String = chunks
        .iter()
        .map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().unwrap())
        .collect();
    assert_eq!(whole["choices"][0]["message"]["content"], said);
    let last = &chunks.last().unwrap()["choices"][0];
    assert_eq!(last["finish_reason"], "stop");
    assert!(chunks[..chunks.len() - 1].iter().all(|c| c["choices"][0]["finish_reason"].is_null()));
    assert!(chunks.iter().all(|c| c["id"] == chunks[0]["id"] && c["usage"].is_null()));
}

#[tokio::test]
async fn usage_is_streamed_only_if_asked_for() {
    let server = server().await;
    let body = json!({"model": "base", "prompt": "Hi", "stream": true, "max_tokens": 3});
    let events = events(&post(&server, "/v1/completions", &body).await);
    assert_eq!(events.len(), 4);
    assert_eq!(events[2]["choices"][0]["finish_reason"], "length");
    assert_eq!(events[3], "[DONE]");
}

#[tokio::test]
async fn several_choices_are_streamed_side_by_side() {
    let server = server().await;
    let body = json!({"prompt": ["a", "b"], "n": 2, "stream": true, "max_tokens": 3,
        "stream_options": {"include_usage": true}});
    let events = events(&post(&server, "/v1/completions", &body).await);
    for index in 0..4 {
        let of_choice = events.iter().filter(|event| event["choices"][0]["index"] == index);
        assert_eq!(of_choice.count(), 3);
    }
    let usage = &events[events.len() - 2]["usage"];
    assert_eq!((&usage["prompt_tokens"], &usage["completion_tokens"]), (&json!(2), &json!(12)));
}

#[tokio::test]
async fn a_streamed_response_has_numbered_events_and_ends_with_the_whole() {
    let server = server().await;
    let body = json!({"model": "base", "input": "Hi", "stream": true});
    let answer = post(&server, "/v1/responses", &body).await;
    let events = events(&answer);
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
        let name = event["type"].as_str().unwrap();
        assert!(answer.text().contains(&format!("event: {name}\n")));
    }
    assert_eq!(events[0]["type"], "response.created");
    let deltas: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.completed");
    assert_eq!(last["response"]["output"][0]["content"][0]["text"], deltas);
}
