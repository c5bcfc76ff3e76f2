//! The list of models that a model server answers with.
//!
//! Claim: whatever a server lists, each adapter and base is a name that a header can
//! carry, and no more of them than the answer has room for.

use shared::models::MAX_MODEL_NAME_BYTES;
use shared::openai;

/// Panics if the bytes show a bug.
pub fn check(answer: &[u8]) {
    let Ok(adapters) = openai::adapters(answer) else { return };
    assert!(adapters.len() <= answer.len() / r#"{"id":"a","parent":"b"}"#.len());
    for name in adapters.iter().flat_map(|(adapter, base)| [adapter, base]) {
        let name = name.as_str();
        assert!(!name.is_empty() && name.len() <= MAX_MODEL_NAME_BYTES);
        assert!(!name.contains(char::is_control) && name.trim() == name, "{name:?}");
    }
}
