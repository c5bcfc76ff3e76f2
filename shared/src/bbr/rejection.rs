//! Every reason for an answer in place of the model server's.

use super::content::FormTypeError;
use super::multipart::FormError;
use super::outcome::Outcome;
use crate::json::{ScanError, ScanErrorKind};
use crate::models::InvalidModelName;
use crate::openai::{ErrorObject, ErrorType};

/// Why a request is answered by the gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The body is not JSON.
    #[error("the request body is not valid JSON: {0}")]
    NotJson(ScanError),
    /// There is no body to read a model from.
    #[error("the request body is empty; send a JSON object with a \"model\"")]
    EmptyBody,
    /// The body is JSON, but not an object.
    #[error("the request body must be a JSON object")]
    NotAnObject,
    /// The body has `model` twice.
    #[error("the request body has more than one \"model\"")]
    DuplicateModel,
    /// `model` is not a string.
    #[error("\"model\" must be a string")]
    ModelNotAString,
    /// `model` cannot be a model's name.
    #[error("\"model\" {0}")]
    InvalidModel(#[from] InvalidModelName),
    /// There is no `model`, and the configuration demands one.
    #[error("you must provide a \"model\"")]
    MissingModel,
    /// The configuration does not name the model, and demands that it does.
    #[error("the model \"{model}\" does not exist")]
    UnknownModel {
        /// The model asked for.
        model: String,
    },
    /// The body is larger than allowed.
    #[error("the request body is larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The body is compressed.
    #[error("the gateway cannot read a compressed request body; send it without content-encoding")]
    EncodedBody,
    /// The content type says multipart, but not how to read it.
    #[error("multipart/form-data {0}")]
    FormType(#[from] FormTypeError),
    /// The body is not what its content type says, or has more than one reading.
    #[error("the request body is not valid multipart/form-data: {0}")]
    NotMultipart(#[from] FormError),
    /// The `model` part is a file.
    #[error("the form field \"model\" must be text, not a file")]
    ModelIsAFile,
    /// The host did not hand over the body, or did not take a change.
    #[error("the gateway could not process the request body")]
    Host,
    /// Envoy does not call the filter with bodies.
    #[error(
        "the gateway is misconfigured: Envoy keeps request bodies from its bbr filter; set \
         \"allow_on_headers_stop_iteration: true\" in the filter's typed_config.config, beside \
         vm_config"
    )]
    BodyWithheld,
}

impl From<ScanError> for Rejection {
    fn from(error: ScanError) -> Self {
        match error.kind {
            // The body may well be JSON; it is the name that cannot be.
            ScanErrorKind::ModelTooLong { .. } => Self::InvalidModel(InvalidModelName::TooLong),
            _ => Self::NotJson(error),
        }
    }
}

impl Rejection {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::UnknownModel { .. } => 404,
            Self::BodyTooLarge { .. } => 413,
            Self::EncodedBody => 415,
            Self::Host | Self::BodyWithheld => 500,
            _ => 400,
        }
    }

    /// The body of the answer.
    #[must_use]
    pub fn error_object(&self) -> ErrorObject {
        let (param, code) = match self {
            Self::NotJson(_) => (None, "invalid_json"),
            Self::EmptyBody => (None, "empty_body"),
            Self::NotAnObject => (None, "invalid_body"),
            Self::DuplicateModel => (Some("model"), "duplicate_parameter"),
            Self::ModelNotAString | Self::ModelIsAFile => (Some("model"), "invalid_type"),
            Self::InvalidModel(_) => (Some("model"), "invalid_value"),
            Self::MissingModel => (Some("model"), "missing_required_parameter"),
            Self::UnknownModel { .. } => (Some("model"), "model_not_found"),
            Self::BodyTooLarge { .. } => (None, "request_too_large"),
            Self::EncodedBody => (None, "unsupported_content_encoding"),
            Self::FormType(_) | Self::NotMultipart(_) => (None, "invalid_multipart"),
            Self::Host => (None, "gateway_error"),
            Self::BodyWithheld => (None, "gateway_misconfigured"),
        };
        let kind = match self {
            Self::Host | Self::BodyWithheld => ErrorType::ServerError,
            _ => ErrorType::InvalidRequestError,
        };
        ErrorObject { message: self.to_string(), kind, param, code }
    }

    /// How the request is counted.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::NotJson(_) | Self::EmptyBody | Self::NotAnObject => Outcome::MalformedJson,
            Self::FormType(_) | Self::NotMultipart(_) => Outcome::MalformedMultipart,
            Self::DuplicateModel => Outcome::DuplicateModel,
            Self::ModelNotAString | Self::ModelIsAFile | Self::InvalidModel(_) => {
                Outcome::InvalidModel
            }
            Self::MissingModel => Outcome::RejectedMissingModel,
            Self::UnknownModel { .. } => Outcome::RejectedUnknownModel,
            Self::BodyTooLarge { .. } => Outcome::BodyTooLarge,
            Self::EncodedBody => Outcome::EncodedBody,
            Self::Host => Outcome::HostFailure,
            Self::BodyWithheld => Outcome::BodyWithheld,
        }
    }
}
