//! Gateway (`gateway.networking.k8s.io`).

use serde::Deserialize;

/// The parts of a Gateway that count.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayManifest {
    /// Who implements it; some guides leave it out.
    pub gateway_class_name: Option<String>,
    /// Where it listens.
    pub listeners: Vec<ListenerManifest>,
}

/// A listener.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerManifest {
    /// Its name.
    pub name: String,
    /// Its port.
    pub port: u16,
    /// `HTTP`, `HTTPS`, …
    pub protocol: String,
    /// Only this host.
    pub hostname: Option<String>,
}
