//! The error object that OpenAI's clients turn into their exceptions.

use serde::Serialize;

/// The inside of `{"error": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorObject {
    /// For a person.
    pub message: String,
    /// The class of error.
    #[serde(rename = "type")]
    pub kind: ErrorType,
    /// The request's parameter that is at fault.
    pub param: Option<&'static str>,
    /// For a program.
    pub code: &'static str,
}

/// Classes of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorType {
    /// The client can mend it.
    InvalidRequestError,
    /// The gateway is at fault.
    ServerError,
}

impl ErrorObject {
    /// The answer's body.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Body<'a> {
            error: &'a ErrorObject,
        }
        // Strings and constants always serialize.
        serde_json::to_vec(&Body { error: self }).unwrap_or_default()
    }
}
