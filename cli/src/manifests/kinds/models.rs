//! ConfigMaps that tell a base model's adapters.
//!
//! Invariant: read as the body-based router reads them: values are trimmed, blank adapters
//! dropped, and the list of adapters is YAML in a string.

use serde::Deserialize;

/// The labels that make a ConfigMap one of these, with the value `true`.
pub const MANAGED_LABELS: [&str; 2] =
    ["inference.networking.k8s.io/bbr-managed", "inference.llm-d.ai/ipp-managed"];

/// A base model and its adapters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterMap {
    /// The base model.
    pub base: String,
    /// Its adapters.
    pub adapters: Vec<String>,
}

/// A ConfigMap's `data`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdapterData {
    base_model: String,
    #[serde(default)]
    adapters: String,
}

/// The list of adapters is not a YAML list of strings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotAList;

impl TryFrom<AdapterData> for AdapterMap {
    type Error = NotAList;

    fn try_from(data: AdapterData) -> Result<Self, NotAList> {
        let list: Option<Vec<String>> =
            serde_yaml_ng::from_str(&data.adapters).map_err(|_| NotAList)?;
        let adapters = list.unwrap_or_default();
        let adapters = adapters.iter().map(|name| name.trim()).filter(|name| !name.is_empty());
        Ok(Self {
            base: data.base_model.trim().to_owned(),
            adapters: adapters.map(str::to_owned).collect(),
        })
    }
}
