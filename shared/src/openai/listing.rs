//! The model list of a server, read for its adapters.
//!
//! vLLM and SGLang list adapters as models with a `parent`, their base model.

use serde::Deserialize;

use crate::models::ModelName;

/// Why an answer is no list of models.
#[derive(Debug, thiserror::Error)]
#[error("not a list of models: {0}")]
pub struct ListingError(#[from] serde_json::Error);

#[derive(Deserialize)]
struct Listing {
    data: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    parent: Option<String>,
}

/// The adapters in the answer to `GET /v1/models`, each with its base model. Names that
/// no header can carry are left out.
///
/// # Errors
/// The answer is not a list of models.
pub fn adapters(json: &[u8]) -> Result<Vec<(ModelName, ModelName)>, ListingError> {
    let listing: Listing = serde_json::from_slice(json)?;
    let adapter = |entry: Entry| {
        let base = ModelName::try_from(entry.parent?).ok()?;
        Some((ModelName::try_from(entry.id).ok()?, base))
    };
    Ok(listing.data.into_iter().filter_map(adapter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn models_with_a_parent_are_adapters() {
        let json = br#"{"object":"list","data":[
            {"id":"base","object":"model","created":1,"root":"/models/base","parent":null,
             "max_model_len":4096,"permission":[{"id":"x"}]},
            {"id":"food-review-1","object":"model","root":"/loras/food","parent":"base"},
            {"id":"bad\nname","parent":"base"}, {"id":"x","parent":""}, {"id":"y"}]}"#;
        let found = adapters(json).unwrap();
        let names: Vec<_> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(names, [("food-review-1", "base")]);
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        for json in ["", "[]", "{}", r#"{"data":{}}"#, r#"{"data":[{}]}"#] {
            assert!(adapters(json.as_bytes()).is_err(), "{json}");
        }
    }
}
