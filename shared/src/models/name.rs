//! Model names that can travel in a header.

use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest model name, in bytes of UTF-8.
///
/// Hugging Face repository ids end at 96 characters and Kubernetes labels at
/// 253; beyond this a name is an attack or a mistake.
pub const MAX_MODEL_NAME_BYTES: usize = 512;

/// A model's name: not empty, at most [`MAX_MODEL_NAME_BYTES`] long, and the same
/// after a trip through a header value (no control characters, no white space at
/// its ends).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelName(String);

/// Why a text is not a [`ModelName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidModelName {
    /// There is nothing in it.
    #[error("must not be empty")]
    Empty,
    /// It has more than [`MAX_MODEL_NAME_BYTES`] bytes.
    #[error("must not be longer than {MAX_MODEL_NAME_BYTES} bytes")]
    TooLong,
    /// It has control characters, which no header can carry.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// It starts or ends with white space, which headers lose.
    #[error("must not start or end with white space")]
    OuterSpace,
}

impl TryFrom<String> for ModelName {
    type Error = InvalidModelName;

    fn try_from(name: String) -> Result<Self, InvalidModelName> {
        if name.is_empty() {
            Err(InvalidModelName::Empty)
        } else if name.len() > MAX_MODEL_NAME_BYTES {
            Err(InvalidModelName::TooLong)
        } else if name.chars().any(char::is_control) {
            Err(InvalidModelName::ControlCharacter)
        } else if name.trim().len() != name.len() {
            Err(InvalidModelName::OuterSpace)
        } else {
            Ok(Self(name))
        }
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> Self {
        name.0
    }
}

impl ModelName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ModelName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn parse(name: &str) -> Result<ModelName, InvalidModelName> {
        ModelName::try_from(name.to_owned())
    }

    #[test]
    fn names_that_survive_a_header_are_accepted() {
        for name in ["food-review-1", "meta-llama/Llama-3.1-8B-Instruct", "模型 é", "a b"] {
            assert_eq!(parse(name).expect(name).as_str(), name);
        }
    }

    #[test]
    fn names_that_a_header_would_change_are_refused() {
        assert_eq!(parse(""), Err(InvalidModelName::Empty));
        assert_eq!(parse(" m"), Err(InvalidModelName::OuterSpace));
        assert_eq!(parse("m\t"), Err(InvalidModelName::ControlCharacter));
        assert_eq!(parse("m\r\nx-admin: 1"), Err(InvalidModelName::ControlCharacter));
        assert_eq!(parse("m\u{85}"), Err(InvalidModelName::ControlCharacter));
        assert_eq!(parse(&"m".repeat(513)), Err(InvalidModelName::TooLong));
    }
}
