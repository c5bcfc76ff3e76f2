//! The paths under `/sim`, which no model server has: faults, the log of
//! requests, and an echo that says byte for byte what arrived.

use super::Call;
use super::answer::{self, AnswerBody};
use super::error::ApiError;
use crate::faults::FaultSettings;
use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::{Value, json};

/// `GET` shows the faults, `POST` changes those it names, `DELETE` ends all.
pub(super) fn faults(call: Call<'_>) -> Result<Response<AnswerBody>, ApiError> {
    let faults = &call.app.faults;
    match call.parts.method {
        Method::GET => {}
        Method::POST => {
            let posted: Value =
                serde_json::from_slice(&call.body.bytes).map_err(ApiError::FaultsJson)?;
            faults.set(merged(&faults.get(), posted).map_err(ApiError::FaultsJson)?)?;
        }
        Method::DELETE => faults.clear(),
        _ => return Err(ApiError::WrongMethod),
    }
    Ok(answer::json(StatusCode::OK, &json!(faults.get())))
}

fn merged(now: &FaultSettings, posted: Value) -> Result<FaultSettings, serde_json::Error> {
    let mut settings = json!(now);
    match (settings.as_object_mut(), posted) {
        (Some(settings), Value::Object(posted)) => settings.extend(posted),
        (_, posted) => return serde_json::from_value(posted),
    }
    serde_json::from_value(settings)
}

/// `GET` shows the last requests, oldest first; `DELETE` forgets them.
pub(super) fn requests(call: Call<'_>) -> Result<Response<AnswerBody>, ApiError> {
    match call.parts.method {
        Method::GET => {}
        Method::DELETE => call.app.log.clear(),
        _ => return Err(ApiError::WrongMethod),
    }
    Ok(answer::json(StatusCode::OK, &json!(call.app.log.snapshot())))
}

/// Any method: what arrived.
pub(super) fn echo(call: Call<'_>) -> Result<Response<AnswerBody>, ApiError> {
    let path = call.parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let body = json!({
        "method": call.parts.method.as_str(),
        "path": path,
        "protocol": format!("{:?}", call.parts.version),
        "headers": pairs(&call.parts.headers),
        "body_bytes": call.body.len,
        "body_sha256": call.body.sha256,
        "trailers": pairs(&call.body.trailers),
        "first_byte_to_end_ms": call.body.first_byte_to_end.as_secs_f64() * 1e3,
    });
    Ok(answer::json(StatusCode::OK, &body))
}

/// In the order they came; bytes that are no UTF-8 are replaced.
fn pairs(headers: &HeaderMap) -> Vec<[String; 2]> {
    headers
        .iter()
        .map(|(name, value)| {
            [name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()]
        })
        .collect()
}
