//! Spellings of the guides that the APIs do not have, and those of older versions, are
//! brought into the form of today before they are read.
//!
//! Invariant: a document in today's form is not changed. What no version of an API ever
//! had is mended with a notice; older versions are mended silently.

use super::tree::Tree;
use serde_json::{Map, Value, json};

/// A mended spelling that the user is told of.
pub(super) type Mended = (&'static str, &'static str, &'static str);

/// HTTPRoute: a rule's `matches` as one match instead of a list of matches.
pub(super) fn http_route(tree: &mut Tree) -> Vec<Mended> {
    let rules = tree.value.pointer_mut("/spec/rules").and_then(Value::as_array_mut);
    let mut mended = Vec::new();
    for rule in rules.into_iter().flatten() {
        if let Some(matches) = rule.get_mut("matches").filter(|matches| matches.is_object()) {
            *matches = Value::Array(vec![matches.take()]);
            mended.push((
                "spec.rules",
                "a rule's matches are not a list",
                "taken for a list of one",
            ));
        }
    }
    mended
}

/// InferencePool: `v1alpha2` and the guides' own forms become `v1`.
pub(super) fn inference_pool(tree: &mut Tree) -> Vec<Mended> {
    let mut mended = Vec::new();
    let misplaced = tree.value.pointer_mut("/metadata/modelServerSelector").map(Value::take);
    let Some(document) = tree.value.as_object_mut() else {
        return mended;
    };
    let spec = document.entry("spec").or_insert_with(|| json!({}));
    let Some(spec) = spec.as_object_mut() else {
        return mended;
    };
    if let Some(selector) = misplaced.filter(|_| !spec.contains_key("selector")) {
        spec.insert("selector".to_owned(), merge(selector));
        mended.push((
            "metadata.modelServerSelector",
            "metadata.modelServerSelector is no field of the API",
            "taken for spec.selector",
        ));
    }
    if let Some(selector) = spec.get_mut("selector").and_then(Value::as_object_mut)
        && !selector.contains_key("matchLabels")
    {
        let labels = std::mem::take(selector);
        selector.insert("matchLabels".to_owned(), Value::Object(labels));
    }
    if let Some(port) = spec.remove("targetPortNumber") {
        spec.entry("targetPorts").or_insert_with(|| json!([{ "number": port }]));
    }
    if let Some(mut picker) = spec.remove("extensionRef") {
        if let Some(picker) = picker.as_object_mut()
            && let Some(port) = picker.remove("portNumber")
        {
            picker.insert("port".to_owned(), json!({ "number": port }));
        }
        spec.entry("endpointPickerRef").or_insert(picker);
    }
    mended
}

/// A list of maps of labels as one map.
fn merge(selector: Value) -> Value {
    match selector {
        Value::Array(items) => {
            let maps = items.into_iter().filter_map(|item| match item {
                Value::Object(map) => Some(map),
                _ => None,
            });
            Value::Object(maps.flatten().collect::<Map<_, _>>())
        }
        other => other,
    }
}
