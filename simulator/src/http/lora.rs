//! `GET /v1/models`, and adapters that come and go.

use super::Call;
use super::answer::{self, AnswerBody};
use super::error::ApiError;
use super::generation::{parse, present, unix_now};
use crate::config::Adapter;
use http::{Response, StatusCode};
use serde_json::{Value, json};

/// vLLM's list: the base model under each of its names, then the adapters with
/// the base model as `parent`.
pub(super) fn list(call: Call<'_>) -> Result<Response<AnswerBody>, ApiError> {
    let registry = &call.app.registry;
    let created = unix_now();
    let card = |id: &str, root: &str, parent: Option<&str>, max_model_len: Option<usize>| {
        let permission = format!("modelperm-{:032x}", crate::text::seed((id, created)));
        json!({
            "id": id, "object": "model", "created": created, "owned_by": "vllm", "root": root,
            "parent": parent, "max_model_len": max_model_len,
            "permission": [{
                "id": permission, "object": "model_permission", "created": created,
                "allow_create_engine": false, "allow_sampling": true, "allow_logprobs": true,
                "allow_search_indices": false, "allow_view": true, "allow_fine_tuning": false,
                "organization": "*", "group": null, "is_blocking": false,
            }],
        })
    };
    let context = call.app.config.context_tokens();
    let mut cards: Vec<Value> = Vec::new();
    for name in registry.base_names() {
        cards.push(card(name, registry.root(), None, Some(context)));
    }
    for adapter in registry.adapters() {
        cards.push(card(&adapter.name, &adapter.path, Some(registry.base_name()), None));
    }
    Ok(answer::json(StatusCode::OK, &json!({"object": "list", "data": cards})))
}

pub(super) fn load(call: Call<'_>) -> Result<Response<AnswerBody>, ApiError> {
    let fields = parse(&call)?;
    let text = |name| present(&fields, name).and_then(Value::as_str).unwrap_or_default();
    let (name, path) = (text("lora_name").to_owned(), text("lora_path").to_owned());
    let in_place = present(&fields, "load_inplace") == Some(&Value::Bool(true));
    call.app.registry.load(Adapter { name: name.clone(), path }, in_place)?;
    Ok(done(format!("Success: LoRA adapter '{name}' added successfully.")))
}

pub(super) fn unload(call: Call<'_>) -> Result<Response<AnswerBody>, ApiError> {
    let fields = parse(&call)?;
    let name = present(&fields, "lora_name").and_then(Value::as_str).unwrap_or_default();
    call.app.registry.unload(name)?;
    call.app.driver.with_engine(|engine| engine.evict_adapter(name));
    Ok(done(format!("Success: LoRA adapter '{name}' removed successfully.")))
}

fn done(message: String) -> Response<AnswerBody> {
    answer::full(StatusCode::OK, "text/plain; charset=utf-8", message)
}
