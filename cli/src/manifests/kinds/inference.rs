//! The Inference Extension's kinds: InferencePool (as `v1` has it; the spellings of older
//! versions are mended before), InferenceModel, InferenceObjective, InferenceModelRewrite.

use serde::Deserialize;
use std::collections::BTreeMap;

/// The parts of an InferencePool that count.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InferencePoolManifest {
    /// Which pods.
    pub selector: Selector,
    /// The pods' ports; the guides leave them out.
    #[serde(default)]
    pub target_ports: Vec<PortManifest>,
    /// `http` or `kubernetes.io/h2c`.
    pub app_protocol: Option<String>,
    /// The external endpoint picker.
    pub endpoint_picker_ref: Option<PickerManifest>,
}

/// A selector.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Selector {
    /// The labels.
    pub match_labels: BTreeMap<String, String>,
}

/// A port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortManifest {
    /// Its number.
    pub number: u16,
}

/// An external endpoint picker.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PickerManifest {
    /// The API group.
    pub group: Option<String>,
    /// The kind.
    pub kind: Option<String>,
    /// The Service's name.
    pub name: String,
    /// The Service's port.
    pub port: Option<PortManifest>,
    /// `FailOpen` or `FailClose`.
    pub failure_mode: Option<String>,
}

/// A reference to a pool.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolRef {
    /// The API group.
    pub group: Option<String>,
    /// The kind.
    pub kind: Option<String>,
    /// The pool's name.
    pub name: String,
}

/// The parts of an InferenceModel that count.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InferenceModelManifest {
    /// The name that clients ask for.
    pub model_name: String,
    /// `Critical`, `Standard` or `Sheddable`.
    pub criticality: Option<String>,
    /// The models that are asked instead.
    #[serde(default)]
    pub target_models: Vec<TargetModel>,
    /// The pool.
    pub pool_ref: PoolRef,
}

/// A target of an InferenceModel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetModel {
    /// The model's name.
    pub name: String,
    /// Its share.
    pub weight: Option<u32>,
}

/// The parts of an InferenceObjective that count.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectiveManifest {
    /// Its priority; 0 if left out.
    pub priority: Option<i32>,
    /// The pool.
    pub pool_ref: PoolRef,
}

/// The parts of an InferenceModelRewrite that count.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelRewriteManifest {
    /// The pool.
    pub pool_ref: PoolRef,
    /// Its rules.
    pub rules: Vec<RewriteRule>,
}

/// A rule of an InferenceModelRewrite.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RewriteRule {
    /// Which models; none: all of the pool.
    #[serde(default)]
    pub matches: Vec<RewriteMatch>,
    /// What they become.
    #[serde(default)]
    pub targets: Vec<RewriteTarget>,
}

/// Which models a rule is for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RewriteMatch {
    /// The model.
    pub model: ModelName,
}

/// A model's name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelName {
    /// `Exact`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The name.
    pub value: String,
}

/// A target of a rewrite.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RewriteTarget {
    /// The model that is asked instead.
    pub model_rewrite: String,
    /// Its share.
    pub weight: Option<u32>,
}
