//! The requests of the burst: streamed chats, and when each one's first token came.
//!
//! Invariant: the first token is the first event with content; the event that only
//! names the role comes before the model has done anything.

use super::{PATIENCE, REQUESTS, SPACING, TOKENS};
use crate::http;
use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::thread;
use std::time::{Duration, Instant};
use ureq::Agent;

/// What a request of the burst met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::demo) struct Answer {
    /// The model server that answered.
    pub(in crate::demo) endpoint: String,
    /// From sending the request to the first token.
    pub(in crate::demo) first_token: Duration,
}

/// A client with connections of its own.
pub(in crate::demo) fn agent() -> Agent {
    http::agent(PATIENCE)
}

/// Sends the burst; an error if any answer is not what it should be.
pub(super) fn burst(port: u16) -> Result<Vec<Answer>> {
    let begin = Instant::now();
    let mut requests = Vec::with_capacity(REQUESTS);
    for due in (0..).map(|n| SPACING * n).take(REQUESTS) {
        thread::sleep(due.saturating_sub(begin.elapsed()));
        requests.push(thread::spawn(move || chat(port)));
    }
    let answer = |(n, request): (usize, thread::JoinHandle<Result<Answer>>)| {
        let answer = request.join().map_err(|_| anyhow!("it panicked")).flatten();
        answer.with_context(|| format!("request {} of {REQUESTS}", n + 1))
    };
    requests.into_iter().enumerate().map(answer).collect()
}

fn chat(port: u16) -> Result<Answer> {
    let body = json!({
        "model": "meta-llama/Llama-3.1-8B-Instruct",
        "messages": [{"role": "user", "content": "Tell me about food"}],
        "max_tokens": TOKENS,
        "min_tokens": TOKENS,
        "stream": true,
    });
    ask(port, &body)
}

/// Sends a chat that is streamed, and reads it to its end.
pub(in crate::demo) fn ask(port: u16, body: &Value) -> Result<Answer> {
    let url = format!("http://127.0.0.1:{port}/v1/chat/completions");
    let sent = Instant::now();
    let post = agent().post(&url).header("content-type", "application/json");
    let mut answer = post.send(body.to_string())?;
    let status = answer.status().as_u16();
    if status != 200 {
        bail!("status {status}: {}", answer.body_mut().read_to_string()?);
    }
    let pod = answer.headers().get("x-inference-pod").and_then(|name| name.to_str().ok());
    let endpoint = pod.context("no x-inference-pod")?.to_owned();
    let mut first_token = None;
    for line in BufReader::new(answer.body_mut().as_reader()).lines() {
        let line = line?;
        if line == "data: [DONE]" {
            let first_token = first_token.context("no token")?;
            return Ok(Answer { endpoint, first_token });
        }
        if first_token.is_none() && has_content(&line) {
            first_token = Some(sent.elapsed());
        }
    }
    bail!("the stream ended before its end")
}

/// Whether a line is an event with text of the answer.
fn has_content(line: &str) -> bool {
    let event = line.strip_prefix("data: ").and_then(|data| serde_json::from_str(data).ok());
    let event: Value = event.unwrap_or_default();
    let content = event.pointer("/choices/0/delta/content").and_then(Value::as_str);
    content.is_some_and(|content| !content.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_token_is_the_first_event_with_content() {
        assert!(has_content(r#"data: {"choices":[{"delta":{"content":"a"}}]}"#));
        for line in [
            "",
            "data: [DONE]",
            ": a comment",
            r#"data: {"choices":[]}"#,
            r#"data: {"choices":[{"delta":{"role":"assistant","content":""}}]}"#,
        ] {
            assert!(!has_content(line), "{line}");
        }
    }
}
