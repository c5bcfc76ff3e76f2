//! Reading plugin configurations: one error format for both filters.
//!
//! A configuration is parsed once into types that cannot be wrong. What is wrong
//! is told with the path of its field, so that the one log line an operator sees
//! says where to look.

mod place;

use serde::de::DeserializeOwned;

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct ConfigError {
    /// Path of the field, such as `baseModels[0].name`; `.` is the whole.
    pub field: String,
    /// What is wrong and what was expected.
    pub problem: String,
}

impl ConfigError {
    /// An error about a field.
    pub fn new(field: impl Into<String>, problem: impl ToString) -> Self {
        Self { field: field.into(), problem: problem.to_string() }
    }
}

/// Parses JSON; an empty text counts as `{}`, since a host leaves the
/// configuration out when there is none.
///
/// # Errors
/// The text is not JSON, or not of the type's shape.
pub fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, ConfigError> {
    let json = match json.trim_ascii_start().first() {
        None => b"{}",
        Some(b'{') => json,
        // `serde` would read `[]` as a struct of defaults.
        Some(_) => return Err(ConfigError::new(".", "expected a JSON object")),
    };
    serde_json::from_slice(json)
        .map_err(|error| ConfigError::new(place::field(json, error.line(), error.column()), error))
}
