//! Turns the many forms of a prompt into the bytes the model would see.
//!
//! Invariant: a conversation that goes on begins with the bytes of what was
//! said before, answers included; only so does the prefix cache find it.

use super::error::ApiError;
use crate::engine::BYTES_PER_TOKEN;
use crate::text::seed;
use serde_json::Value;

/// Tokens an image, a sound or a file counts as.
const MEDIA_TOKENS: usize = 256;

/// A chat as the text of a chat template, up to where the answer begins.
pub(super) fn from_messages(
    messages: &Value,
    tools: Option<&Value>,
    field: &'static str,
) -> Result<Vec<u8>, ApiError> {
    let messages =
        messages.as_array().ok_or(ApiError::WrongType { field, expected: "a valid list" })?;
    let mut text = Vec::new();
    if let Some(tools) = tools.filter(|tools| !tools.is_null()) {
        text.extend_from_slice(format!("<|tools|>\n{tools}<|end|>\n").as_bytes());
    }
    for message in messages {
        let message = message
            .as_object()
            .ok_or(ApiError::WrongType { field, expected: "a list of objects" })?;
        // Items of the Responses API need no role; any role is welcome.
        let role = message.get("role").and_then(Value::as_str).unwrap_or("user");
        text.extend_from_slice(format!("<|{role}|>\n").as_bytes());
        append_content(&mut text, message.get("content").unwrap_or(&Value::Null));
        if let Some(calls) = message.get("tool_calls").filter(|calls| !calls.is_null()) {
            text.extend_from_slice(calls.to_string().as_bytes());
        }
        text.extend_from_slice(b"<|end|>\n");
    }
    text.extend_from_slice(b"<|assistant|>\n");
    Ok(text)
}

fn append_content(text: &mut Vec<u8>, content: &Value) {
    match content {
        Value::Null => {}
        Value::String(said) => text.extend_from_slice(said.as_bytes()),
        Value::Array(parts) => {
            for part in parts {
                match part.get("text").and_then(Value::as_str).or(part.as_str()) {
                    Some(said) => text.extend_from_slice(said.as_bytes()),
                    // Sixteen hexadecimal digits that stand for the content.
                    None => {
                        let digits = format!("{:016x}", seed(part.to_string()));
                        let times = MEDIA_TOKENS * BYTES_PER_TOKEN / digits.len();
                        text.extend_from_slice(digits.repeat(times).as_bytes());
                    }
                }
            }
        }
        other => text.extend_from_slice(other.to_string().as_bytes()),
    }
}

/// The forms of `prompt` and of an embedding's `input`: a text, texts, tokens,
/// or lists of tokens.
pub(super) fn from_input(input: &Value, field: &'static str) -> Result<Vec<Vec<u8>>, ApiError> {
    let wrong = || ApiError::WrongType { field, expected: "a valid string or list" };
    match input {
        Value::String(text) => Ok(vec![text.as_bytes().to_vec()]),
        Value::Array(items) if items.is_empty() => {
            Err(ApiError::TooSmall { field, least: 1, value: 0 })
        }
        Value::Array(items) if items.iter().all(Value::is_number) => {
            Ok(vec![from_tokens(items).ok_or_else(wrong)?])
        }
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::String(text) => Some(text.as_bytes().to_vec()),
                Value::Array(tokens) => from_tokens(tokens),
                _ => None,
            })
            .collect::<Option<Vec<_>>>()
            .ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

fn from_tokens(tokens: &[Value]) -> Option<Vec<u8>> {
    let ids = tokens.iter().map(|token| token.as_u64().and_then(|id| u32::try_from(id).ok()));
    let ids: Option<Vec<u32>> = ids.collect();
    Some(ids?.into_iter().flat_map(u32::to_le_bytes).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_conversation_begins_with_what_was_said_before() {
        let first = json!([{"role": "reviewer", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": "Hello"}]}]);
        let mut before = from_messages(&first, None, "messages").unwrap();
        before.extend_from_slice(b"Hi there.");
        let mut next = first.as_array().unwrap().clone();
        next.push(json!({"role": "assistant", "content": "Hi there."}));
        next.push(json!({"role": "user", "content": "Go on"}));
        let after = from_messages(&Value::Array(next), None, "messages").unwrap();
        assert!(after.starts_with(&before));
    }

    #[test]
    fn an_image_counts_as_a_fixed_number_of_tokens_and_by_its_content() {
        let with = |url: &str| {
            let message = json!([{"role": "user",
                "content": [{"type": "image_url", "image_url": {"url": url}}]}]);
            from_messages(&message, None, "messages").unwrap()
        };
        let (small, large) = (with("a"), with(&"b".repeat(100_000)));
        assert_eq!(small.len(), large.len());
        assert_ne!(small, large);
    }

    #[test]
    fn the_forms_of_a_prompt() {
        assert_eq!(from_input(&json!("a"), "prompt").unwrap(), [b"a"]);
        assert_eq!(from_input(&json!(["a", "b"]), "prompt").unwrap(), [b"a", b"b"]);
        assert_eq!(from_input(&json!([1, 2]), "prompt").unwrap()[0].len(), 8);
        assert_eq!(from_input(&json!([[1], [2, 3]]), "prompt").unwrap().len(), 2);
        for wrong in [json!([]), json!({}), json!(1), json!([-1]), json!([[1.5]]), json!(["a", 1])]
        {
            assert!(from_input(&wrong, "prompt").is_err(), "{wrong}");
        }
    }
}
