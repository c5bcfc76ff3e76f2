//! What chat, completions and responses have in common: parameters, the choices
//! an answer consists of, and their tokens as they come.
//!
//! Invariant: a choice holds its place in the engine; dropping the answer's
//! body or future drops the choice and frees the place.

use super::answer::BrokenOff;
use super::error::ApiError;
use super::{App, Call};
use crate::driver::{EngineGone, Run};
use crate::engine::{BYTES_PER_TOKEN, Finish, Job, block_hashes, count_tokens};
use crate::models::Served;
use crate::text::{self, Budget, Generated};
use futures_util::future::try_join_all;
use futures_util::stream::{SelectAll, Stream, StreamExt};
use serde_json::{Map, Value, json};
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Choices of one answer at most, so that one request cannot ask for millions.
const MAX_CHOICES: usize = 256;

/// Pause before a streamed answer breaks off: lets the connection send the
/// tokens it has, which a reset would otherwise overtake.
const FLUSH_PAUSE: Duration = Duration::from_millis(10);

/// A JSON object's fields.
pub(super) type Fields = Map<String, Value>;

/// Reads the body and finds its model, which it notes in the request's record.
pub(super) fn parse(call: &Call<'_>) -> Result<Fields, ApiError> {
    let value: Value =
        serde_json::from_slice(&call.body.bytes).map_err(|error| ApiError::from_json(&error))?;
    let Value::Object(fields) = value else {
        return Err(ApiError::WrongType { field: "", expected: "a valid dictionary" });
    };
    if let Some(Value::String(model)) = fields.get("model") {
        call.record.note(|record| record.model = Some(model.clone()));
    }
    Ok(fields)
}

/// A field that is there and not null.
pub(super) fn present<'a>(fields: &'a Fields, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| !value.is_null())
}

/// A field that must be there.
pub(super) fn required<'a>(fields: &'a Fields, field: &'static str) -> Result<&'a Value, ApiError> {
    present(fields, field).ok_or(ApiError::Missing { field })
}

/// The model the body asks for.
pub(super) fn model(app: &App, fields: &Fields) -> Result<Served, ApiError> {
    let name = match present(fields, "model") {
        None => None,
        Some(Value::String(name)) => Some(name.as_str()),
        Some(_) => {
            return Err(ApiError::WrongType { field: "model", expected: "a valid string" });
        }
    };
    Ok(app.registry.find(name)?)
}

fn flag(fields: &Fields, field: &'static str) -> Result<bool, ApiError> {
    match present(fields, field) {
        None => Ok(false),
        Some(Value::Bool(on)) => Ok(*on),
        Some(_) => Err(ApiError::WrongType { field, expected: "a valid boolean" }),
    }
}

pub(super) fn number(
    fields: &Fields,
    field: &'static str,
    least: usize,
) -> Result<Option<usize>, ApiError> {
    let Some(value) = present(fields, field) else { return Ok(None) };
    let value = value.as_i64().ok_or(ApiError::WrongType { field, expected: "a valid integer" })?;
    match usize::try_from(value) {
        Ok(number) if number >= least => Ok(Some(number)),
        _ => Err(ApiError::TooSmall { field, least, value }),
    }
}

/// What a request wants of the model.
#[derive(Clone, Debug)]
pub(super) struct Params {
    pub served: Served,
    pub stream: bool,
    pub include_usage: bool,
    pub max_tokens: Option<usize>,
    pub n: usize,
    min_tokens: usize,
    ignore_eos: bool,
    cache_salt: String,
}

impl Params {
    /// `limits` are the fields that may limit the tokens, the first found wins.
    pub fn read(app: &App, fields: &Fields, limits: &[&'static str]) -> Result<Self, ApiError> {
        let mut max_tokens = None;
        for field in limits {
            max_tokens = max_tokens.or(number(fields, field, 1)?);
        }
        let options = present(fields, "stream_options");
        let include_usage = options.and_then(|options| options.get("include_usage"));
        Ok(Self {
            stream: flag(fields, "stream")?,
            include_usage: include_usage.and_then(Value::as_bool).unwrap_or(false),
            max_tokens,
            n: number(fields, "n", 1)?.unwrap_or(1),
            min_tokens: number(fields, "min_tokens", 0)?.unwrap_or(0),
            ignore_eos: flag(fields, "ignore_eos")?,
            cache_salt: present(fields, "cache_salt")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            served: model(app, fields)?,
        })
    }
}

/// A prompt cut to what the model can look at, with the tokens left for the
/// answer.
pub(super) fn fit(
    app: &App,
    mut prompt: Vec<u8>,
    answer: usize,
) -> Result<(Vec<u8>, usize), ApiError> {
    let context = app.config.context_tokens();
    let tokens = count_tokens(&prompt);
    if app.config.reject_long_prompts && tokens + answer > context {
        return Err(ApiError::TooLong { context, tokens: tokens + answer });
    }
    let most = (context - 1) * BYTES_PER_TOKEN;
    if prompt.len() > most {
        prompt.drain(..prompt.len() - most);
    }
    let room = context - count_tokens(&prompt);
    Ok((prompt, room))
}

/// One answer to one prompt, in the engine.
pub(super) struct Choice {
    pub index: usize,
    pub said: Generated,
    pub prompt_tokens: usize,
    /// Several choices may belong to one prompt; it counts once.
    first_of_prompt: bool,
    run: Run,
}

/// Puts all choices into the engine's queue: `n` for each prompt.
pub(super) fn start(
    app: &Arc<App>,
    params: &Params,
    prompts: Vec<Vec<u8>>,
) -> Result<Vec<Choice>, ApiError> {
    let asked = prompts.len().saturating_mul(params.n);
    if asked > MAX_CHOICES {
        return Err(ApiError::TooManyChoices { asked, most: MAX_CHOICES });
    }
    app.driver.with_engine(|engine| engine.count_n(params.n));
    let mut choices = Vec::with_capacity(asked);
    for prompt in prompts {
        let (prompt, room) = fit(app, prompt, params.max_tokens.unwrap_or(1))?;
        let budget = Budget {
            max_tokens: params.max_tokens.unwrap_or(room).min(room),
            min_tokens: params.min_tokens,
            ignore_eos: params.ignore_eos,
        };
        for nth in 0..params.n {
            let said = text::generate(text::seed((&params.served.name, &prompt, nth)), budget);
            let mut whole = prompt.clone();
            whole.extend_from_slice(said.text.as_bytes());
            let adapter = params.served.adapter.as_deref().unwrap_or_default();
            let salt = format!("{adapter}\n{}", params.cache_salt);
            let prompt_tokens = count_tokens(&prompt);
            let run = app.driver.submit(Job {
                adapter: params.served.adapter.clone(),
                prompt_tokens,
                output_tokens: said.tokens,
                blocks: block_hashes(&salt, &whole, app.config.block_size),
                finish: said.finish,
                max_tokens_param: params.max_tokens,
            })?;
            let index = choices.len();
            choices.push(Choice { index, said, prompt_tokens, first_of_prompt: nth == 0, run });
        }
    }
    Ok(choices)
}

/// Token counts of an answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    pub prompt: usize,
    pub completion: usize,
    pub cached: usize,
}

impl Usage {
    /// The usage object of chat and completions.
    pub fn json(self) -> Value {
        json!({
            "prompt_tokens": self.prompt,
            "total_tokens": self.prompt + self.completion,
            "completion_tokens": self.completion,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        })
    }

    fn add(&mut self, choice: &Choice, cached: usize) {
        self.completion += choice.said.tokens;
        if choice.first_of_prompt {
            self.prompt += choice.prompt_tokens;
            self.cached += cached;
        }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.prompt += other.prompt;
        self.completion += other.completion;
        self.cached += other.cached;
    }
}

/// Waits for all choices.
pub(super) async fn complete(choices: Vec<Choice>) -> Result<(Vec<Generated>, Usage), EngineGone> {
    let finished = try_join_all(choices.into_iter().map(|mut choice| async move {
        let cached = choice.run.prefilled().await?;
        choice.run.complete().await?;
        Ok::<_, EngineGone>((choice, cached))
    }))
    .await?;
    let mut usage = Usage::default();
    for (choice, cached) in &finished {
        usage.add(choice, *cached);
    }
    Ok((finished.into_iter().map(|(choice, _)| choice.said).collect(), usage))
}

/// A token of a choice.
pub(super) struct Piece {
    pub index: usize,
    pub text: String,
    /// The choice's first token.
    pub first: bool,
    /// Set on the choice's last token.
    pub finish: Option<Finish>,
    /// What the choice adds to the usage; set on its last token.
    pub usage: Option<Usage>,
}

/// The tokens of all choices as they come; breaks off after so many per choice.
pub(super) fn pieces(
    choices: Vec<Choice>,
    reset_after: Option<usize>,
) -> impl Stream<Item = Result<Piece, BrokenOff>> + Send {
    let streams = choices.into_iter().map(|choice| tokens_of(choice, reset_after).boxed());
    streams.collect::<SelectAll<_>>()
}

fn tokens_of(
    mut choice: Choice,
    reset_after: Option<usize>,
) -> impl Stream<Item = Result<Piece, BrokenOff>> + Send {
    async_stream::try_stream! {
        let cached = choice.run.prefilled().await?;
        let mut seen = 0;
        while seen < choice.said.tokens {
            let generated = choice.run.more_than(seen).await?.generated;
            for token in seen..generated {
                if reset_after.is_some_and(|limit| token >= limit) {
                    tokio::time::sleep(FLUSH_PAUSE).await;
                    Err(BrokenOff::Injected)?;
                }
                let last = token + 1 == choice.said.tokens;
                let mut usage = Usage::default();
                usage.add(&choice, cached);
                yield Piece {
                    index: choice.index,
                    text: choice.said.tokens(token, token + 1).to_owned(),
                    first: token == 0,
                    finish: last.then_some(choice.said.finish),
                    usage: last.then_some(usage),
                };
            }
            seen = generated;
        }
    }
}

/// Seconds since 1970.
pub(super) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A server-sent event without a name.
pub(super) fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// The event after the last.
pub(super) const DONE: &str = "data: [DONE]\n\n";
