//! Values of the Inference Extension's charts `inferencepool` and `body-based-routing`.
//!
//! Invariant: what is left out has the charts' own defaults. Values that only concern the
//! external servers (images, ports, monitoring) are named as ignored by the reader.

use super::inference::{PortManifest, Selector};
use serde::Deserialize;

/// Values of `inferencepool`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PoolValues {
    /// The pool.
    pub inference_pool: InferencePoolValues,
    /// The route that the chart makes.
    #[serde(alias = "httpRoute")]
    pub experimental_http_route: HttpRouteValues,
    /// Objectives that the chart makes.
    pub inference_objectives: Vec<ObjectiveValues>,
    /// The external endpoint picker.
    pub inference_extension: ExtensionValues,
    /// The gateway of older versions of the chart.
    pub inference_gateway: GatewayValues,
    /// The platform.
    pub provider: ProviderValues,
}

/// `inferencePool`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InferencePoolValues {
    /// Which pods.
    pub model_servers: Option<Selector>,
    /// Their ports; 8000 if left out.
    pub target_ports: Vec<PortManifest>,
    /// Their port, in older versions.
    pub target_port_number: Option<u16>,
    /// `vllm`, `triton-tensorrt-llm`, `sglang`, `trtllm-serve`.
    pub model_server_type: Option<String>,
    /// `FailOpen` or `FailClose`.
    pub failure_mode: Option<String>,
    /// `http` or `kubernetes.io/h2c`.
    pub app_protocol: Option<String>,
    /// The version of the InferencePool that the chart makes.
    pub api_version: Option<String>,
}

/// `experimentalHttpRoute`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteValues {
    /// Whether the chart makes an HTTPRoute.
    pub enabled: bool,
    /// The base model whose requests it takes; all requests if left out.
    pub base_model: Option<String>,
    /// The gateway; `inference-gateway` if left out.
    pub inference_gateway_name: Option<String>,
}

/// One of `inferenceObjectives`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectiveValues {
    /// Its name.
    pub name: String,
    /// Its priority.
    #[serde(default)]
    pub priority: i32,
}

/// `inferenceExtension`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExtensionValues {
    /// `FailOpen` or `FailClose`.
    pub failure_mode: Option<String>,
}

/// Values of `body-based-routing`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BbrValues {
    /// The gateway.
    pub inference_gateway: GatewayValues,
    /// The platform.
    pub provider: ProviderValues,
}

/// `inferenceGateway`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayValues {
    /// Its name; `inference-gateway` if left out.
    pub name: Option<String>,
}

/// `provider`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProviderValues {
    /// `gke`, `istio`, `none` or nothing.
    pub name: Option<String>,
}
