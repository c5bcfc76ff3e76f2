//! Envoy Gateway 1.6 or newer: policies for its Gateways, and routes to the pools' servers.
//!
//! An EnvoyExtensionPolicy has Envoy Gateway pull the modules; it can neither switch a
//! filter on before a route is known nor set all that BBR needs, so an EnvoyPatchPolicy
//! changes the filters it makes. Envoy Gateway by itself does not know InferencePools;
//! so each pool gets a headless Service, and the routes are written again with it.
//!
//! Invariant: modules are named by digest, and the patches name what Envoy Gateway makes of
//! the documents written here. Rejected: its extension server, which is one more process.

mod backends;
mod clusters;

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::template::{fill, scalar};
use super::{Options, RenderError, RenderedFile, plugin};
use crate::diagnostics::Notice;
use crate::intent::{Gateway, Intent};
use clusters::Clusters;

const POLICIES: &str = include_str!("envoy_gateway/policies.yaml");
const LISTENER: &str = include_str!("envoy_gateway/listener.yaml");

/// The cluster of Envoy's own admin interface.
const ADMIN_CLUSTER: &str = "envoy_admin";

/// Renders `policies.yaml`, `services.yaml` and `routes.yaml`.
///
/// # Errors
/// No Gateway, or no registry and digests of the modules.
pub fn render(intent: &Intent, options: &Options) -> Result<Vec<RenderedFile>, RenderError> {
    if intent.gateways.is_empty() {
        return Err(RenderError::NoListener { reason: "no manifest defines or names a Gateway" });
    }
    let image = |module| -> Result<String, RenderError> {
        let reference = options.modules.image(module)?;
        Ok(scalar(reference.strip_prefix("oci://").unwrap_or(&reference)))
    };
    let clusters = Clusters::of(intent);
    let bbr = plugin::bbr(intent, options)?;
    let picker = plugin::picker(intent, options, |pool| clusters.binding(pool))?;
    let head =
        "# Written by `igw import --target envoy-gateway`, for Envoy Gateway 1.6 or newer.\n";
    let mut text = head.to_owned();
    for gateway in &intent.gateways {
        let values = [
            ("GATEWAY", scalar(&gateway.name.name)),
            ("NAMESPACE", scalar(&gateway.name.namespace)),
            ("NAME", scalar(&policy(gateway))),
            ("BBR_MODULE", image("bbr-filter")?),
            ("PICKER_MODULE", image("picker-filter")?),
            // Structures, which become JSON; JSON is YAML.
            ("BBR", bbr.clone()),
            ("PICKER", picker.clone()),
            ("BUFFER", options.buffer_bytes().to_string()),
            ("LISTENERS", listeners(gateway)?),
        ];
        text += &fill(POLICIES, &values)?;
    }
    let policies = RenderedFile { path: PathBuf::from("policies.yaml"), text };
    Ok([policies].into_iter().chain(backends::files(intent)?).collect())
}

/// What the intent has and Envoy Gateway does not do with it, and what is guessed.
#[must_use]
pub fn left_out(intent: &Intent) -> Vec<Notice> {
    clusters::shared_out(intent).into_iter().chain(backends::guessed(intent)).collect()
}

/// The name of all policies of a gateway.
fn policy(gateway: &Gateway) -> String {
    format!("igw-{}", gateway.name.name)
}

/// The patches of a gateway's listeners. Envoy Gateway makes one for each port.
fn listeners(gateway: &Gateway) -> Result<String, RenderError> {
    let ports: BTreeSet<u16> = gateway.listeners.iter().map(|listener| listener.port).collect();
    let filter = |place: u8| {
        let (namespace, policy) = (&gateway.name.namespace, policy(gateway));
        let name = format!(
            "envoy.filters.http.wasm/envoyextensionpolicy/{namespace}/{policy}/wasm/{place}"
        );
        scalar(&format!("..http_filters[?(@.name=='{name}')]"))
    };
    let mut text = String::new();
    for port in ports {
        let values = [
            ("PORT", port.to_string()),
            ("LISTENER", scalar(&format!("tcp-{port}"))),
            ("BBR_FILTER", filter(0)),
            ("PICKER_FILTER", filter(1)),
        ];
        text += &fill(LISTENER, &values)?;
    }
    Ok(text)
}
