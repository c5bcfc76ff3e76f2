//! `POST /v1/embeddings`.

use super::answer::{self, AnswerBody};
use super::error::ApiError;
use super::generation::{fit, model, number, parse, present, required, unix_now};
use super::{Call, prompt};
use crate::driver::EngineGone;
use crate::engine::{Finish, Job, block_hashes, count_tokens};
use crate::text::seed;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::try_join_all;
use http::{Response, StatusCode};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// Numbers of a vector whose request names no `dimensions`.
const DEFAULT_DIMENSIONS: usize = 384;
/// The most numbers one may ask for.
const MAX_DIMENSIONS: usize = 8192;

pub(super) async fn answer(call: Call<'_>) -> Result<Response<AnswerBody>, ApiError> {
    let fields = parse(&call)?;
    let inputs = prompt::from_input(required(&fields, "input")?, "input")?;
    let served = model(call.app, &fields)?;
    let dimensions = number(&fields, "dimensions", 1)?.unwrap_or(DEFAULT_DIMENSIONS);
    let dimensions = dimensions.min(MAX_DIMENSIONS);
    let base64 = match present(&fields, "encoding_format").and_then(Value::as_str) {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => {
            let expected = "'float' or 'base64'";
            return Err(ApiError::WrongType { field: "encoding_format", expected });
        }
    };
    let mut runs = Vec::with_capacity(inputs.len());
    let mut data = Vec::with_capacity(inputs.len());
    let mut tokens = 0;
    for (index, input) in inputs.into_iter().enumerate() {
        let vector = embed(seed((&served.name, &input)), dimensions);
        let (input, _) = fit(call.app, input, 0)?;
        let prompt_tokens = count_tokens(&input);
        let salt = served.adapter.as_deref().unwrap_or_default();
        runs.push(call.app.driver.submit(Job {
            adapter: served.adapter.clone(),
            prompt_tokens,
            output_tokens: 0,
            blocks: block_hashes(salt, &input, call.app.config.block_size),
            finish: Finish::Stop,
            max_tokens_param: None,
        })?);
        tokens += prompt_tokens;
        let embedding = if base64 {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            json!(STANDARD.encode(bytes))
        } else {
            json!(vector)
        };
        data.push(json!({"index": index, "object": "embedding", "embedding": embedding}));
    }
    try_join_all(runs.into_iter().map(|mut run| async move {
        run.prefilled().await?;
        run.complete().await?;
        Ok::<_, EngineGone>(())
    }))
    .await?;
    let id = format!("embd-{}", call.app.answer_id(&call.parts.headers));
    let body = json!({
        "id": id, "object": "list", "created": unix_now(), "model": served.name, "data": data,
        "usage": {
            "prompt_tokens": tokens, "total_tokens": tokens, "completion_tokens": 0,
            "prompt_tokens_details": null,
        },
    });
    Ok(answer::json(StatusCode::OK, &body))
}

/// A vector of length 1 that depends on the seed only.
fn embed(seed: u64, dimensions: usize) -> Vec<f32> {
    let mut dice = StdRng::seed_from_u64(seed);
    let raw: Vec<f32> = (0..dimensions).map(|_| dice.random_range(-1.0_f32..1.0)).collect();
    let length = raw.iter().map(|number| number * number).sum::<f32>().sqrt().max(f32::EPSILON);
    raw.into_iter().map(|number| number / length).collect()
}
