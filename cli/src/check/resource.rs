//! Kubernetes objects that carry plugins: Istio's EnvoyFilter and WasmPlugin, Envoy
//! Gateway's EnvoyPatchPolicy and EnvoyExtensionPolicy.
//!
//! Invariant: the shapes here are those of the CRDs as far as a plugin depends on them; a
//! field that a CRD does not have is an error, since the API server would drop it silently.

mod envoy_gateway;
mod istio;

use super::{Finding, Severity, plugin};
use crate::diagnostics::Origin;
use crate::proxy::{self, Plugin, Role, role_of};
use serde_json::Value;

pub(super) use envoy_gateway::Policies;
pub(super) use istio::{Patches, envoy_filter};

/// What is wrong with an object that carries a plugin.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ResourceFault {
    /// The kind cannot do what BBR needs.
    #[error(
        "{kind}: it cannot set allow_on_headers_stop_iteration, without which BBR never gets a body"
    )]
    CannotHold {
        /// The kind.
        kind: &'static str,
    },
    /// The control plane patches nothing with it.
    #[error(
        "EnvoyFilter: the filter {name:?} is configured (EXTENSION_CONFIG), but no HTTP_FILTER patch puts it into the chain"
    )]
    NotInserted {
        /// The filter's name.
        name: String,
    },
    /// The filter is in the chain and not configured.
    #[error(
        "EnvoyFilter: the filter {name:?} is put into the chain, but no EXTENSION_CONFIG patch configures it"
    )]
    NotConfigured {
        /// The filter's name.
        name: String,
    },
    /// Istio's agent cannot say that the module is missing.
    #[error("EnvoyFilter: config_discovery of {name:?} does not allow {missing}")]
    TypeUrls {
        /// The filter's name.
        name: String,
        /// The type that is missing.
        missing: &'static str,
    },
    /// Nothing sets the buffer limit.
    #[error(
        "EnvoyFilter: no LISTENER patch sets per_connection_buffer_limit_bytes, which Istio may set as low as 32 KiB"
    )]
    NoBuffer,
    /// The buffer limit is below the largest body.
    #[error("EnvoyFilter: the buffer limit of {limit} bytes is below BBR's maxBodyBytes, {body}")]
    BufferTooSmall {
        /// The limit in bytes.
        limit: u64,
        /// `maxBodyBytes`.
        body: u64,
    },
    /// A value that the field does not have.
    #[error("{kind}: {path}: {value:?} is not {expected}")]
    Value {
        /// The kind.
        kind: &'static str,
        /// The field.
        path: String,
        /// The value.
        value: String,
        /// What may stand there.
        expected: &'static str,
    },
}

impl ResourceFault {
    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::NoBuffer | Self::TypeUrls { .. } => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::CannotHold { kind } => match *kind {
                "EnvoyExtensionPolicy" => {
                    "add the EnvoyPatchPolicy of igw import --target envoy-gateway"
                }
                _ => "use the EnvoyFilter of igw import --target istio",
            }
            .to_owned(),
            Self::NotInserted { name } => {
                format!(
                    "add an HTTP_FILTER patch whose value is called {name} and has config_discovery"
                )
            }
            Self::NotConfigured { name } => {
                format!("add an EXTENSION_CONFIG patch whose value is called {name}")
            }
            Self::TypeUrls { missing, .. } => {
                format!("add it to type_urls: type.googleapis.com/{missing}")
            }
            Self::NoBuffer => "add one, 4 MiB above maxBodyBytes".to_owned(),
            Self::BufferTooSmall { .. } => "raise the limit, or lower maxBodyBytes".to_owned(),
            Self::Value { .. } => "correct it".to_owned(),
        }
    }
}

/// Checks a WasmPlugin or a TrafficExtension with a plugin of this project.
pub(super) fn wasm_plugin(
    document: &Value,
    at: &dyn Fn(&str) -> Origin,
    findings: &mut Vec<Finding>,
) -> Option<Plugin> {
    const PHASES: [&str; 4] = ["AUTHN", "AUTHZ", "STATS", "UNSPECIFIED_PHASE"];
    const FAIL: [&str; 3] = ["FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD"];
    let spec = document.get("spec")?;
    let config = spec.get("pluginConfig");
    let url = proxy::text(spec, "/url").unwrap_or_default();
    let name = proxy::text(spec, "/pluginName").unwrap_or_default();
    let own = proxy::text(document, "/metadata/name").unwrap_or_default();
    let role = config.and_then(role_of).or_else(|| proxy::role_by_name([url, name, own]))?;
    for (field, known, expected) in [
        ("phase", PHASES.as_slice(), "AUTHN, AUTHZ, STATS or UNSPECIFIED_PHASE"),
        ("failStrategy", FAIL.as_slice(), "FAIL_CLOSE, FAIL_OPEN or FAIL_RELOAD"),
    ] {
        let value = proxy::text(spec, &format!("/{field}"));
        if let Some(value) = value.filter(|value| !known.contains(value)) {
            let path = format!("spec.{field}");
            let (value, kind) = (value.to_owned(), "WasmPlugin");
            findings.push(Finding::new(
                at(&path),
                ResourceFault::Value { kind, path, value, expected },
            ));
        }
    }
    if role == Role::Bbr {
        findings.push(Finding::new(at("spec"), ResourceFault::CannotHold { kind: "WasmPlugin" }));
    }
    let digest = proxy::text(spec, "/sha256").is_some_and(|sha| !sha.is_empty());
    let failure = proxy::text(spec, "/failStrategy");
    let plugin = Plugin {
        role,
        origin: at("spec.pluginConfig"),
        name: name.to_owned(),
        text: config.map(Value::to_string).unwrap_or_default(),
        // Reported above, with what to do instead.
        holds_headers: true,
        failure_policy: Some(failure.unwrap_or("FAIL_CLOSE (the default)").to_owned()),
        vm_id: String::new(),
        module: url.to_owned(),
        pinned: digest || url.contains("@sha256:") || url.starts_with("file:"),
    };
    plugin::check(&plugin, findings);
    Some(plugin)
}
