//! What the server answers when it does not answer.
//!
//! Invariant: the bodies have the shape of vLLM 0.11: its own errors are
//! `{"error": {...}}` with the status as `code`, those of its web framework
//! `{"detail": ...}`.

use super::answer::{self, AnswerBody};
use crate::driver::EngineGone;
use crate::engine::NeverFits;
use crate::faults::FaultError;
use crate::models::{AdapterError, UnknownModel};
use http::{Response, StatusCode};
use serde_json::{Value, json};

/// Why there is no other answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error(transparent)]
    UnknownModel(#[from] UnknownModel),
    #[error(
        "[{{'type': 'json_invalid', 'loc': ('body', {column}), 'msg': 'JSON decode error', 'input': {{}}, 'ctx': {{'error': '{reason}'}}}}]"
    )]
    Json { column: usize, reason: String },
    #[error(
        "[{{'type': 'missing', 'loc': ('body', '{field}'), 'msg': 'Field required', 'input': {{}}}}]"
    )]
    Missing { field: &'static str },
    #[error(
        "[{{'type': 'type_error', 'loc': ('body', '{field}'), 'msg': 'Input should be {expected}'}}]"
    )]
    WrongType { field: &'static str, expected: &'static str },
    #[error("{field} must be at least {least}, got {value}.")]
    TooSmall { field: &'static str, least: usize, value: i64 },
    #[error("This server answers at most {most} choices at once, and {asked} were asked for.")]
    TooManyChoices { asked: usize, most: usize },
    #[error(
        "This model's maximum context length is {context} tokens. However, you requested {tokens} tokens. Please reduce the length of the messages or completion."
    )]
    TooLong { context: usize, tokens: usize },
    #[error(transparent)]
    NeverFits(#[from] NeverFits),
    #[error("The multipart form could not be read: {0}")]
    Multipart(#[from] multer::Error),
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    #[error(transparent)]
    Faults(#[from] FaultError),
    #[error("the faults could not be read: {0}")]
    FaultsJson(serde_json::Error),
    #[error("This error was asked for (fault error_rate).")]
    Injected { status: u16 },
    #[error("the body broke off: {0}")]
    Upload(hyper::Error),
    #[error(transparent)]
    Engine(#[from] EngineGone),
    #[error("Not Found")]
    NoSuchPath,
    #[error("Method Not Allowed")]
    WrongMethod,
}

impl ApiError {
    /// A body that is no JSON, or no JSON of that shape.
    pub fn from_json(error: &serde_json::Error) -> Self {
        Self::Json { column: error.column(), reason: error.to_string() }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::UnknownModel(_) | Self::Adapter(AdapterError::Unknown(_)) | Self::NoSuchPath => {
                StatusCode::NOT_FOUND
            }
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Injected { status } => {
                StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Self::Engine(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// vLLM's word for the kind of error.
    fn kind(&self) -> &'static str {
        match self {
            Self::Json { .. } | Self::Missing { .. } | Self::WrongType { .. } => "Bad Request",
            Self::Adapter(AdapterError::Unknown(_)) => "NotFoundError",
            Self::Adapter(_) => "InvalidUserInput",
            _ => match self.status() {
                StatusCode::NOT_FOUND => "NotFoundError",
                StatusCode::TOO_MANY_REQUESTS => "RateLimitError",
                StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailableError",
                status if status.is_server_error() => "InternalServerError",
                _ => "BadRequestError",
            },
        }
    }

    fn param(&self) -> Option<&'static str> {
        match self {
            Self::UnknownModel(_) => Some("model"),
            Self::TooSmall { field, .. } => Some(field),
            _ => None,
        }
    }

    fn body(&self) -> Value {
        if matches!(self, Self::NoSuchPath | Self::WrongMethod) {
            return json!({"detail": self.to_string()});
        }
        json!({"error": {
            "message": self.to_string(),
            "type": self.kind(),
            "param": self.param(),
            "code": self.status().as_u16(),
        }})
    }

    /// The answer that says so.
    pub fn answer(&self) -> Response<AnswerBody> {
        answer::json(self.status(), &self.body())
    }
}
