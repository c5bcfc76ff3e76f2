//! `POST /v1/chat/completions`.

use super::answer::{self, AnswerBody};
use super::error::ApiError;
use super::generation::{
    self, Choice, DONE, Params, Usage, complete, data, parse, pieces, present, required, unix_now,
};
use super::{Call, prompt};
use futures_util::StreamExt;
use http::{Response, StatusCode};
use serde_json::{Value, json};

pub(super) async fn answer(call: Call<'_>) -> Result<Response<AnswerBody>, ApiError> {
    let fields = parse(&call)?;
    let messages = required(&fields, "messages")?;
    let text = prompt::from_messages(messages, present(&fields, "tools"), "messages")?;
    let params = Params::read(call.app, &fields, &["max_completion_tokens", "max_tokens"])?;
    let choices = generation::start(call.app, &params, vec![text])?;
    let id = format!("chatcmpl-{}", call.app.answer_id(&call.parts.headers));
    if params.stream {
        return Ok(stream(id, &params, choices, call.app.faults.get().reset_after_tokens));
    }
    let created = unix_now();
    let (said, usage) = complete(choices).await?;
    let choices: Vec<Value> = said
        .into_iter()
        .enumerate()
        .map(|(index, said)| {
            json!({
                "index": index,
                "message": {
                    "role": "assistant", "content": said.text, "refusal": null,
                    "annotations": null, "audio": null, "function_call": null,
                    "tool_calls": [], "reasoning_content": null,
                },
                "logprobs": null,
                "finish_reason": said.finish.as_str(),
                "stop_reason": null,
                "token_ids": null,
            })
        })
        .collect();
    let body = json!({
        "id": id, "object": "chat.completion", "created": created, "model": params.served.name,
        "choices": choices, "service_tier": null, "system_fingerprint": null,
        "usage": usage.json(), "prompt_logprobs": null, "prompt_token_ids": null,
        "kv_transfer_params": null,
    });
    Ok(answer::json(StatusCode::OK, &body))
}

fn stream(
    id: String,
    params: &Params,
    choices: Vec<Choice>,
    reset_after: Option<usize>,
) -> Response<AnswerBody> {
    let (model, include_usage) = (params.served.name.clone(), params.include_usage);
    let created = unix_now();
    let chunk = move |choices: Value| {
        json!({
            "id": id, "object": "chat.completion.chunk", "created": created, "model": model,
            "choices": choices,
        })
    };
    answer::events(async_stream::try_stream! {
        let mut total = Usage::default();
        let mut tokens = Box::pin(pieces(choices, reset_after));
        while let Some(piece) = tokens.next().await {
            let piece = piece?;
            if piece.first {
                yield data(&chunk(json!([{
                    "index": piece.index, "delta": {"role": "assistant", "content": ""},
                    "logprobs": null, "finish_reason": null,
                }])));
            }
            let mut choice = json!({
                "index": piece.index, "delta": {"content": piece.text}, "logprobs": null,
                "finish_reason": piece.finish.map(|finish| finish.as_str()), "token_ids": null,
            });
            if let (Some(_), Some(object)) = (piece.finish, choice.as_object_mut()) {
                object.insert("stop_reason".to_owned(), Value::Null);
            }
            total += piece.usage.unwrap_or_default();
            yield data(&chunk(json!([choice])));
        }
        if include_usage {
            let mut last = chunk(json!([]));
            if let Some(object) = last.as_object_mut() {
                object.insert("usage".to_owned(), total.json());
            }
            yield data(&last);
        }
        yield DONE.to_owned();
    })
}
