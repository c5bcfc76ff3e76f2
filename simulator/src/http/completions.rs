//! `POST /v1/completions`.

use super::answer::{self, AnswerBody};
use super::error::ApiError;
use super::generation::{
    self, Choice, DONE, Params, Usage, complete, data, parse, pieces, required, unix_now,
};
use super::{Call, prompt};
use futures_util::StreamExt;
use http::{Response, StatusCode};
use serde_json::{Value, json};

/// Tokens of an answer whose request names no limit; OpenAI's default.
const DEFAULT_MAX_TOKENS: usize = 16;

pub(super) async fn answer(call: Call<'_>) -> Result<Response<AnswerBody>, ApiError> {
    let fields = parse(&call)?;
    let prompts = prompt::from_input(required(&fields, "prompt")?, "prompt")?;
    let mut params = Params::read(call.app, &fields, &["max_tokens"])?;
    params.max_tokens.get_or_insert(DEFAULT_MAX_TOKENS);
    let choices = generation::start(call.app, &params, prompts)?;
    let id = format!("cmpl-{}", call.app.answer_id(&call.parts.headers));
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
                "index": index, "text": said.text, "logprobs": null,
                "finish_reason": said.finish.as_str(), "stop_reason": null,
                "token_ids": null, "prompt_logprobs": null, "prompt_token_ids": null,
            })
        })
        .collect();
    let body = json!({
        "id": id, "object": "text_completion", "created": created, "model": params.served.name,
        "choices": choices, "service_tier": null, "system_fingerprint": null,
        "usage": usage.json(), "kv_transfer_params": null,
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
    let chunk = move |choices: Value, usage: Value| {
        json!({
            "id": id, "object": "text_completion", "created": created, "model": model,
            "choices": choices, "usage": usage,
        })
    };
    answer::events(async_stream::try_stream! {
        let mut total = Usage::default();
        let mut tokens = Box::pin(pieces(choices, reset_after));
        while let Some(piece) = tokens.next().await {
            let piece = piece?;
            let choice = json!({
                "index": piece.index, "text": piece.text, "logprobs": null,
                "finish_reason": piece.finish.map(|finish| finish.as_str()), "stop_reason": null,
                "prompt_token_ids": null, "token_ids": null,
            });
            total += piece.usage.unwrap_or_default();
            yield data(&chunk(json!([choice]), Value::Null));
        }
        if include_usage {
            yield data(&chunk(json!([]), total.json()));
        }
        yield DONE.to_owned();
    })
}
