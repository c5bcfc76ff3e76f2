//! Ways through a configuration's tree.
//!
//! Invariant: every place that can hold a mapping is visited once. Recursion is
//! bounded by the YAML reader's own depth limit.

use serde_yaml_ng::{Mapping, Value};

/// Calls `visit` on every mapping, outermost first.
pub(super) fn mappings(value: &mut Value, visit: &mut impl FnMut(&mut Mapping)) {
    match value {
        Value::Mapping(mapping) => {
            visit(mapping);
            for child in mapping.values_mut() {
                mappings(child, visit);
            }
        }
        Value::Sequence(sequence) => {
            for child in sequence {
                mappings(child, visit);
            }
        }
        Value::Tagged(tagged) => mappings(&mut tagged.value, visit),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Calls `visit` on the plugin part (`typed_config.config`) of every Wasm filter
/// whose name in its filter chain is `name`.
pub(super) fn wasm_filters(value: &mut Value, name: &str, visit: &mut impl FnMut(&mut Mapping)) {
    mappings(value, &mut |mapping| {
        if mapping.get("name").and_then(Value::as_str) != Some(name) {
            return;
        }
        let Some(config) = mapping.get_mut("typed_config") else {
            return;
        };
        let kind = config.get("@type").and_then(Value::as_str).unwrap_or("");
        if !kind.ends_with(".wasm.v3.Wasm") {
            return;
        }
        if let Some(Value::Mapping(plugin)) = config.get_mut("config") {
            visit(plugin);
        }
    });
}

/// The value at the end of a chain of keys.
pub(super) fn path<'a>(value: &'a mut Value, keys: &[&str]) -> Option<&'a mut Value> {
    keys.iter().try_fold(value, |value, key| value.get_mut(*key))
}
