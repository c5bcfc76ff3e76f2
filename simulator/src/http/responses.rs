//! `POST /v1/responses`.

use super::answer::{self, AnswerBody};
use super::error::ApiError;
use super::generation::{
    self, Choice, Params, Usage, complete, parse, pieces, present, required, unix_now,
};
use super::{Call, prompt};
use crate::driver::EngineGone;
use crate::engine::Finish;
use futures_util::StreamExt;
use http::{Response, StatusCode};
use serde_json::{Value, json};

pub(super) async fn answer(call: Call<'_>) -> Result<Response<AnswerBody>, ApiError> {
    let fields = parse(&call)?;
    let input = required(&fields, "input")?;
    let mut messages: Vec<Value> = Vec::new();
    if let Some(instructions) = present(&fields, "instructions") {
        messages.push(json!({"role": "system", "content": instructions}));
    }
    match input {
        Value::String(text) => messages.push(json!({"role": "user", "content": text})),
        Value::Array(items) => messages.extend(items.iter().cloned()),
        _ => {
            return Err(ApiError::WrongType { field: "input", expected: "a valid string or list" });
        }
    }
    let text = prompt::from_messages(&Value::Array(messages), present(&fields, "tools"), "input")?;
    let mut params = Params::read(call.app, &fields, &["max_output_tokens"])?;
    // This interface has no `n`.
    params.n = 1;
    let choices = generation::start(call.app, &params, vec![text])?;
    let id = call.app.answer_id(&call.parts.headers);
    let outline = Outline {
        id: format!("resp_{id}"),
        message_id: format!("msg_{id}"),
        created: unix_now(),
        model: params.served.name.clone(),
        max_output_tokens: params.max_tokens,
        instructions: present(&fields, "instructions").cloned().unwrap_or_default(),
    };
    if params.stream {
        return Ok(stream(outline, choices, call.app.faults.get().reset_after_tokens));
    }
    let (said, usage) = complete(choices).await?;
    let said = said.into_iter().next().ok_or(EngineGone)?;
    Ok(answer::json(StatusCode::OK, &outline.ended(&said.text, said.finish, usage)))
}

/// What all forms of one response object share.
struct Outline {
    id: String,
    message_id: String,
    created: u64,
    model: String,
    max_output_tokens: Option<usize>,
    instructions: Value,
}

impl Outline {
    fn object(&self, status: &str, output: &Value, incomplete: &Value, usage: &Value) -> Value {
        json!({
            "id": self.id, "object": "response", "created_at": self.created, "status": status,
            "model": self.model, "output": output, "incomplete_details": incomplete,
            "error": null, "instructions": self.instructions, "metadata": null,
            "max_output_tokens": self.max_output_tokens, "max_tool_calls": null,
            "parallel_tool_calls": true, "previous_response_id": null, "prompt": null,
            "background": false, "reasoning": null, "service_tier": "auto", "temperature": 1.0,
            "text": null, "tool_choice": "auto", "tools": [], "top_logprobs": 0, "top_p": 1.0,
            "truncation": "disabled", "usage": usage, "user": null,
        })
    }

    fn begun(&self) -> Value {
        self.object("in_progress", &json!([]), &Value::Null, &Value::Null)
    }

    fn ended(&self, text: &str, finish: Finish, usage: Usage) -> Value {
        let (status, incomplete) = match finish {
            Finish::Length => ("incomplete", json!({"reason": "max_output_tokens"})),
            Finish::Stop | Finish::Abort => ("completed", Value::Null),
        };
        let usage = json!({
            "input_tokens": usage.prompt,
            "input_tokens_details": {"cached_tokens": usage.cached},
            "output_tokens": usage.completion,
            "output_tokens_details": {"reasoning_tokens": 0, "tool_output_tokens": 0},
            "total_tokens": usage.prompt + usage.completion,
        });
        let output = json!([self.message("completed", &json!([part(text)]))]);
        self.object(status, &output, &incomplete, &usage)
    }

    fn message(&self, status: &str, content: &Value) -> Value {
        json!({
            "id": self.message_id, "type": "message", "role": "assistant", "status": status,
            "content": content,
        })
    }
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": null})
}

/// Numbers the events and gives each its name twice, as the interface wants.
#[derive(Default)]
struct Events(u64);

impl Events {
    fn render(&mut self, kind: &str, mut event: Value) -> String {
        if let Some(object) = event.as_object_mut() {
            object.insert("type".to_owned(), kind.into());
            object.insert("sequence_number".to_owned(), self.0.into());
        }
        self.0 += 1;
        format!("event: {kind}\ndata: {event}\n\n")
    }
}

fn stream(
    outline: Outline,
    choices: Vec<Choice>,
    reset_after: Option<usize>,
) -> Response<AnswerBody> {
    answer::events(async_stream::try_stream! {
        let mut events = Events::default();
        let item = outline.message_id.clone();
        yield events.render("response.created", json!({"response": outline.begun()}));
        yield events.render("response.in_progress", json!({"response": outline.begun()}));
        let mut text = String::new();
        let mut tokens = Box::pin(pieces(choices, reset_after));
        while let Some(piece) = tokens.next().await {
            let piece = piece?;
            if piece.first {
                yield events.render("response.output_item.added", json!({
                    "output_index": 0, "item": outline.message("in_progress", &json!([])),
                }));
                yield events.render("response.content_part.added", json!({
                    "item_id": item, "output_index": 0, "content_index": 0, "part": part(""),
                }));
            }
            yield events.render("response.output_text.delta", json!({
                "item_id": item, "output_index": 0, "content_index": 0, "delta": piece.text,
                "logprobs": [],
            }));
            text.push_str(&piece.text);
            let (Some(finish), Some(usage)) = (piece.finish, piece.usage) else { continue };
            yield events.render("response.output_text.done", json!({
                "item_id": item, "output_index": 0, "content_index": 0, "text": text,
                "logprobs": [],
            }));
            yield events.render("response.content_part.done", json!({
                "item_id": item, "output_index": 0, "content_index": 0, "part": part(&text),
            }));
            yield events.render("response.output_item.done", json!({
                "output_index": 0, "item": outline.message("completed", &json!([part(&text)])),
            }));
            let kind = match finish {
                Finish::Length => "response.incomplete",
                Finish::Stop | Finish::Abort => "response.completed",
            };
            let ended = outline.ended(&text, finish, usage);
            yield events.render(kind, json!({"response": ended}));
        }
    })
}
