//! ConfigMaps with a base model and its adapters.

use super::kinds::{AdapterData, AdapterMap, MANAGED_LABELS};
use super::tree::Tree;
use super::typed;
use crate::diagnostics::{Fault, FaultKind, Shape};
use serde::Deserialize;
use serde_json::Value;

/// Whether a ConfigMap has a label that makes it an adapter map.
pub(super) fn are_managed(tree: &Tree) -> bool {
    let labels = tree.value.pointer("/metadata/labels");
    MANAGED_LABELS.iter().any(|label| {
        let value = labels.and_then(|labels| labels.get(*label));
        value.and_then(Value::as_str) == Some("true")
    })
}

/// Reads a ConfigMap as an adapter map.
pub(super) fn read(tree: &Tree) -> Result<AdapterMap, Fault> {
    #[derive(Deserialize)]
    struct ConfigMap {
        data: AdapterData,
    }
    let map: ConfigMap = typed::read_some(tree, "ConfigMap")?;
    let fault = |path: &str, value: &str, expected| Fault {
        origin: tree.places.at(path),
        kind: FaultKind::Field {
            kind: "ConfigMap".to_owned(),
            path: path.to_owned(),
            reason: Shape::Value { value: value.to_owned(), expected },
        },
    };
    let text = tree.value.pointer("/data/adapters").and_then(Value::as_str).unwrap_or_default();
    let map = AdapterMap::try_from(map.data)
        .map_err(|_| fault("data.adapters", text.trim(), "a YAML list of names in a string"))?;
    if map.base.is_empty() { Err(fault("data.baseModel", "", "a model's name")) } else { Ok(map) }
}
