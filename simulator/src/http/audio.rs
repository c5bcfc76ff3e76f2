//! `POST /v1/audio/transcriptions` and `/v1/audio/translations`: multipart forms.
//!
//! The sound is not listened to: its bytes seed the text, and its size stands
//! for its length.

use super::answer::{self, AnswerBody};
use super::error::ApiError;
use super::{App, Call};
use crate::engine::Job;
use crate::text::{self, Budget};
use bytes::Bytes;
use http::{Response, StatusCode, header};
use multer::Multipart;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;

/// Bytes of sound per second: 16-bit mono at 16 kHz, Whisper's input.
const BYTES_PER_SECOND: usize = 32_000;
/// Prompt tokens a second of sound counts as; Whisper has 50 frames.
const TOKENS_PER_SECOND: usize = 50;
/// Tokens of a transcript at most.
const MAX_TOKENS: usize = 448;

#[derive(Default)]
struct Form {
    model: Option<String>,
    file: Option<Bytes>,
    response_format: Option<String>,
}

pub(super) async fn answer(call: Call<'_>) -> Result<Response<AnswerBody>, ApiError> {
    let content_type = call.parts.headers.get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let form = read_form(content_type, call.body.bytes.clone()).await?;
    let model = form.model.ok_or(ApiError::Missing { field: "model" })?;
    call.record.note(|record| record.model = Some(model.clone()));
    let sound = form.file.ok_or(ApiError::Missing { field: "file" })?;
    let format = form.response_format.as_deref().unwrap_or("json");
    if !matches!(format, "json" | "text") {
        let expected = "'json' or 'text'";
        return Err(ApiError::WrongType { field: "response_format", expected });
    }
    let text = transcribe(call.app, &model, &sound).await?;
    if format == "text" {
        return Ok(answer::full(StatusCode::OK, "text/plain; charset=utf-8", text));
    }
    let seconds = sound.len().div_ceil(BYTES_PER_SECOND);
    let body = json!({"text": text, "usage": {"type": "duration", "seconds": seconds}});
    Ok(answer::json(StatusCode::OK, &body))
}

async fn read_form(content_type: &str, body: Bytes) -> Result<Form, ApiError> {
    let boundary = multer::parse_boundary(content_type)?;
    let stream = futures_util::stream::iter([Ok::<_, Infallible>(body)]);
    let mut multipart = Multipart::new(stream, boundary);
    let mut form = Form::default();
    while let Some(field) = multipart.next_field().await? {
        match field.name() {
            Some("model") => form.model = Some(field.text().await?),
            Some("file") => form.file = Some(field.bytes().await?),
            Some("response_format") => form.response_format = Some(field.text().await?),
            _ => {}
        }
    }
    Ok(form)
}

async fn transcribe(app: &Arc<App>, model: &str, sound: &[u8]) -> Result<String, ApiError> {
    let served = app.registry.find(Some(model))?;
    let context = app.config.context_tokens();
    let seconds = sound.len().div_ceil(BYTES_PER_SECOND);
    let prompt_tokens = (seconds * TOKENS_PER_SECOND).clamp(1, context - 1);
    let max_tokens = MAX_TOKENS.min(context - prompt_tokens);
    let said = text::generate(
        text::seed((&served.name, sound)),
        Budget { max_tokens, min_tokens: 0, ignore_eos: false },
    );
    let mut run = app.driver.submit(Job {
        adapter: served.adapter,
        prompt_tokens,
        output_tokens: said.tokens,
        // Sounds are not in the prefix cache, as nothing begins with the same one.
        blocks: Vec::new(),
        finish: said.finish,
        max_tokens_param: None,
    })?;
    run.prefilled().await?;
    run.complete().await?;
    Ok(said.text)
}
