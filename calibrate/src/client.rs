//! One streamed request, and what its client saw.
//!
//! Each request has a connection of its own, so that its worker is chance, as in the
//! simulation.

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use ureq::Agent;

use crate::servers::{MODEL, adapter};

/// Longer than this no answer takes, but on a machine that hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a client saw.
#[derive(Debug)]
pub struct Answer {
    /// The server's name.
    pub server: String,
    /// From sending to the first token.
    pub ttft: Duration,
    /// From sending to the end.
    pub total: Duration,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Of those, found in the server's cache.
    pub cached_tokens: u32,
    /// The answer.
    pub text: String,
}

fn post(port: u16, body: &Value) -> Result<ureq::http::Response<ureq::Body>> {
    let config = Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE));
    let agent: Agent = config.build().into();
    let url = format!("http://127.0.0.1:{port}/v1/completions");
    let post = agent.post(&url).header("content-type", "application/json");
    let mut answer = post.send(body.to_string())?;
    let status = answer.status().as_u16();
    if status != 200 {
        let text = answer.body_mut().read_to_string()?;
        bail!("status {status}: {text}");
    }
    Ok(answer)
}

/// What the picker says of a small request; nothing if there is no picker.
pub fn picked(port: u16) -> Result<Option<String>> {
    let answer = post(port, &json!({"model": MODEL, "prompt": "Hello", "max_tokens": 1}))?;
    let why = answer.headers().get("x-gateway-picker");
    Ok(why.map(|why| String::from_utf8_lossy(why.as_bytes()).into_owned()))
}

/// Sends a prompt and reads the answer to its end.
pub fn ask(port: u16, of: Option<u16>, prompt: &str, output_tokens: u32) -> Result<Answer> {
    let body = json!({
        "model": of.map_or_else(|| MODEL.to_owned(), adapter),
        "prompt": prompt,
        "max_tokens": output_tokens,
        "ignore_eos": true,
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    let sent = Instant::now();
    let mut answer = post(port, &body)?;
    let server = answer.headers().get("x-inference-pod").context("no x-inference-pod")?;
    let server = server.to_str()?.to_owned();
    let (mut text, mut ttft, mut usage) = (String::new(), None, None);
    for line in BufReader::new(answer.body_mut().as_reader()).lines() {
        let line = line?;
        let Some(data) = line.strip_prefix("data: ") else { continue };
        if data == "[DONE]" {
            let total = sent.elapsed();
            let (prompt_tokens, cached_tokens) = usage.context("no usage")?;
            let ttft = ttft.context("no token")?;
            return Ok(Answer { server, ttft, total, prompt_tokens, cached_tokens, text });
        }
        let event: Value = serde_json::from_str(data)?;
        let piece = event.pointer("/choices/0/text").and_then(Value::as_str).unwrap_or_default();
        if !piece.is_empty() {
            ttft.get_or_insert_with(|| sent.elapsed());
            text += piece;
        }
        usage = tokens(&event).or(usage);
    }
    bail!("the stream ended before its end")
}

/// Tokens of the prompt, and those found in the cache.
fn tokens(event: &Value) -> Option<(u32, u32)> {
    let number = |pointer| Some(event.pointer(pointer)?.as_u64()? as u32);
    let cached = number("/usage/prompt_tokens_details/cached_tokens")?;
    Some((number("/usage/prompt_tokens")?, cached))
}
