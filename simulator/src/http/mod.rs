//! The HTTP side: which path means what, and what every answer carries.
//!
//! Invariant: every answer, an injected error included, says who served it
//! (`x-inference-pod`) and what body it was an answer to (`x-sim-body-bytes`,
//! `x-sim-body-sha256`); so a body is always read to its end first.

mod answer;
mod audio;
mod chat;
mod completions;
mod embeddings;
mod error;
mod generation;
mod intake;
mod lora;
mod operations;
mod prompt;
mod responses;
mod sim;

pub(crate) use answer::AnswerBody;

use crate::config::Config;
use crate::driver::Driver;
use crate::faults::Faults;
use crate::models::Registry;
use crate::requests::{RecordHandle, RequestLog, Stage};
use answer::TrackedBody;
use error::ApiError;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use hyper::body::Incoming;
use intake::Received;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// All a request may need.
#[derive(Debug)]
pub(crate) struct App {
    pub config: Config,
    pub registry: Registry,
    pub driver: Arc<Driver>,
    pub faults: Faults,
    pub log: RequestLog,
    served: AtomicU64,
}

impl App {
    pub fn new(config: Config) -> Self {
        Self {
            registry: Registry::new(&config),
            driver: Driver::new(config.engine()),
            faults: Faults::new(config.faults.clone(), config.seed),
            log: RequestLog::default(),
            served: AtomicU64::new(0),
            config,
        }
    }

    /// The part of an answer's id after its prefix: the client's `x-request-id`
    /// as in vLLM, or one that no other request of this server has.
    fn answer_id(&self, headers: &HeaderMap) -> String {
        let sent = headers.get("x-request-id").and_then(|value| value.to_str().ok());
        if let Some(id) = sent.filter(|id| !id.is_empty()) {
            return id.to_owned();
        }
        let number = self.served.fetch_add(1, Ordering::Relaxed);
        let (high, low) = (crate::text::seed((&self.config.name, number)), number);
        format!("{high:016x}{low:016x}")
    }
}

/// A request with its body.
pub(crate) struct Call<'a> {
    pub app: &'a Arc<App>,
    pub parts: &'a Parts,
    pub body: Received,
    pub record: &'a RecordHandle,
}

/// Answers one request.
pub(crate) async fn serve(
    app: Arc<App>,
    request: Request<Incoming>,
) -> Result<Response<TrackedBody>, Infallible> {
    let (parts, body) = request.into_parts();
    let mut record =
        if is_probe(parts.uri.path()) { RecordHandle::unlogged() } else { app.log.begin(&parts) };
    let keep = !parts.uri.path().starts_with("/sim/echo");
    let received = intake::read(body, keep, &record).await;
    let (mut response, extra) = match received {
        Ok(body) => {
            let extra = [
                ("x-sim-body-bytes", HeaderValue::from(body.len)),
                ("x-sim-body-sha256", intake::header_value(&body.sha256)),
            ];
            record.note(|record| record.stage = Stage::Answering);
            let call = Call { app: &app, parts: &parts, body, record: &record };
            let response = route(call).await.unwrap_or_else(|error| error.answer());
            (response, Some(extra))
        }
        Err(error) => {
            // Whatever becomes of the answer, this request was not served.
            record = RecordHandle::unlogged();
            (error.answer(), None)
        }
    };
    record.note(|record| record.status = Some(response.status().as_u16()));
    let headers = response.headers_mut();
    headers.insert("x-inference-pod", intake::header_value(&app.config.name));
    for (name, value) in extra.into_iter().flatten() {
        headers.insert(HeaderName::from_static(name), value);
    }
    for (seen, echo) in [
        ("x-gateway-model-name", "x-sim-model-header"),
        ("x-gateway-base-model-name", "x-sim-base-model-header"),
    ] {
        if let Some(value) = parts.headers.get(seen) {
            headers.insert(HeaderName::from_static(echo), value.clone());
        }
    }
    let bodiless = parts.method == Method::HEAD;
    Ok(response.map(|body| TrackedBody::new(body, record, bodiless)))
}

/// Probes come every few milliseconds and would push the requests of interest
/// out of the log.
fn is_probe(path: &str) -> bool {
    matches!(path, "/metrics" | "/health" | "/ping" | "/sim/requests" | "/sim/faults")
}

async fn route(call: Call<'_>) -> Result<Response<AnswerBody>, ApiError> {
    let path = call.parts.uri.path();
    if path == "/sim/echo" || path.starts_with("/sim/echo/") {
        return sim::echo(call);
    }
    let method = &call.parts.method;
    let read = method == Method::GET || method == Method::HEAD;
    let post = method == Method::POST;
    match path {
        "/health" | "/ping" if read => operations::health(call),
        "/metrics" if read => operations::metrics(call).await,
        "/version" if read => operations::version(call),
        "/v1/models" if read => lora::list(call),
        "/v1/load_lora_adapter" if post => lora::load(call),
        "/v1/unload_lora_adapter" if post => lora::unload(call),
        "/sim/faults" => sim::faults(call),
        "/sim/requests" => sim::requests(call),
        "/v1/chat/completions"
        | "/v1/completions"
        | "/v1/embeddings"
        | "/v1/responses"
        | "/v1/audio/transcriptions"
        | "/v1/audio/translations"
            if post =>
        {
            infer(call).await
        }
        "/health"
        | "/ping"
        | "/metrics"
        | "/version"
        | "/v1/models"
        | "/v1/load_lora_adapter"
        | "/v1/unload_lora_adapter"
        | "/v1/chat/completions"
        | "/v1/completions"
        | "/v1/embeddings"
        | "/v1/responses"
        | "/v1/audio/transcriptions"
        | "/v1/audio/translations" => Err(ApiError::WrongMethod),
        _ => Err(ApiError::NoSuchPath),
    }
}

/// The requests that the model answers, and that faults hit.
async fn infer(call: Call<'_>) -> Result<Response<AnswerBody>, ApiError> {
    call.app.faults.not_hanging().await;
    call.app.faults.delay().await;
    if let Some(status) = call.app.faults.roll() {
        return Err(ApiError::Injected { status });
    }
    let (app, parts) = (call.app, call.parts);
    let mut response = match parts.uri.path() {
        "/v1/chat/completions" => chat::answer(call).await,
        "/v1/completions" => completions::answer(call).await,
        "/v1/embeddings" => embeddings::answer(call).await,
        "/v1/responses" => responses::answer(call).await,
        _ => audio::answer(call).await,
    }?;
    let streamed = response.headers().get(header::CONTENT_TYPE)
        == Some(&HeaderValue::from_static(answer::EVENT_STREAM));
    if let Some(load) = operations::orca(app, &parts.headers).filter(|_| !streamed) {
        response.headers_mut().insert("endpoint-load-metrics", load);
    }
    Ok(response)
}
