//! What operators and gateways ask: health, metrics, version, load.

use super::answer::{self, AnswerBody};
use super::error::ApiError;
use super::{App, Call};
use crate::metrics::{self, CONTENT_TYPE, GARBAGE, View};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::json;
use std::time::Duration;

/// The version this server is like.
const VLLM_VERSION: &str = "0.11.0";

pub(super) fn health(call: Call<'_>) -> Result<Response<AnswerBody>, ApiError> {
    let status = if call.app.faults.get().unhealthy {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    Ok(answer::full(status, "text/plain; charset=utf-8", Bytes::new()))
}

pub(super) fn version(_: Call<'_>) -> Result<Response<AnswerBody>, ApiError> {
    Ok(answer::json(StatusCode::OK, &json!({"version": VLLM_VERSION})))
}

pub(super) async fn metrics(call: Call<'_>) -> Result<Response<AnswerBody>, ApiError> {
    let faults = call.app.faults.get();
    if faults.metrics_delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(faults.metrics_delay_ms)).await;
    }
    if faults.metrics_garbage {
        let body = match faults.metrics_garbage_bytes {
            0 => Bytes::from_static(GARBAGE),
            bytes => GARBAGE.iter().copied().cycle().take(bytes).collect(),
        };
        return Ok(answer::full(StatusCode::OK, CONTENT_TYPE, body));
    }
    let app = call.app;
    let view = View::new(
        &app.driver,
        app.registry.base_name(),
        app.registry.adapters(),
        app.config.lora_residency_metric,
    );
    Ok(answer::full(StatusCode::OK, CONTENT_TYPE, metrics::render(app.config.metrics, &view)))
}

/// The load report for a request that asks for one, in vLLM's two formats.
pub(super) fn orca(app: &App, headers: &HeaderMap) -> Option<HeaderValue> {
    let format = headers.get("endpoint-load-metrics-format")?.to_str().ok()?;
    let load = app.driver.with_engine(|engine| engine.load());
    let (usage, waiting) = (load.kv_usage, load.waiting as f64);
    let format = if app.config.json_load_reports { "JSON" } else { format };
    let report = match format.to_ascii_uppercase().as_str() {
        "TEXT" => format!(
            "TEXT named_metrics.kv_cache_usage_perc={usage:?}, named_metrics.num_requests_waiting={waiting:?}"
        ),
        "JSON" => format!(
            "JSON {}",
            json!({"named_metrics": {
                "kv_cache_usage_perc": usage, "num_requests_waiting": waiting,
            }})
        ),
        _ => return None,
    };
    HeaderValue::from_str(&report).ok()
}
