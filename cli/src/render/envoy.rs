//! Plain Envoy 1.36 or newer: one static bootstrap, built as `envoy-config/guides.yaml` is.
//!
//! Invariant: Envoy starts on the file as it is, if the modules are where it says. Only
//! pools that a route leads to become clusters, so a pool without endpoints that nobody
//! uses is no error.

mod clusters;
mod hosts;
mod routes;

use super::template::{fill, scalar};
use super::{Options, RenderError, RenderedFile, plugin};
use crate::diagnostics::{Doubt, Notice, NoticeKind};
use crate::intent::{Destination, Endpoints, Gateway, Intent, Listener, Pool, Protocol};
use std::collections::BTreeSet;
use std::path::PathBuf;

const BOOTSTRAP: &str = include_str!("envoy/bootstrap.yaml");
const LISTENER: &str = include_str!("envoy/listener.yaml");

/// The cluster of Envoy's own admin interface.
const ADMIN_CLUSTER: &str = "envoy_admin";

/// Renders `envoy.yaml`.
///
/// # Errors
/// No HTTP listener, or a pool without endpoints.
pub fn render(intent: &Intent, options: &Options) -> Result<Vec<RenderedFile>, RenderError> {
    let pools = routed(intent);
    let lost = pools.iter().filter(|pool| pool.endpoints == Endpoints::Unknown);
    let lost: Vec<String> = lost.map(|pool| pool.id.clone()).collect();
    if !lost.is_empty() {
        return Err(RenderError::NoEndpoints { pools: lost });
    }
    let mut clusters = String::new();
    for pool in &pools {
        clusters += &clusters::pool(pool)?;
    }
    for (name, port) in services(intent) {
        clusters += &clusters::service(name, port)?;
    }
    let text = fill(
        BOOTSTRAP,
        &[
            ("ADMIN_PORT", options.admin_port.to_string()),
            ("LISTENERS", listeners(intent, options, &pools)?),
            ("CLUSTERS", clusters),
        ],
    )?;
    Ok(vec![RenderedFile { path: PathBuf::from("envoy.yaml"), text }])
}

fn listeners(intent: &Intent, options: &Options, pools: &[&Pool]) -> Result<String, RenderError> {
    let ports = intent.http_ports();
    if ports.is_empty() {
        let reason = "HTTPS listeners need certificates, which manifests only name";
        return Err(RenderError::NoListener { reason });
    }
    let bind = |pool: &Pool| {
        pools.iter().any(|routed| routed.name == pool.name).then(|| plugin::Binding {
            cluster: pool.id.clone(),
            other_clusters: Vec::new(),
            admin: ADMIN_CLUSTER.to_owned(),
        })
    };
    let bbr = plugin::bbr(intent, options)?;
    let picker = plugin::picker(intent, options, bind)?;
    let module = |name: &str| scalar(&options.modules.folder.join(name).display().to_string());
    let buffer = options.buffer_bytes();
    let mut text = String::new();
    let mut taken = BTreeSet::from([options.admin_port]);
    for port in ports {
        let own = options.ports.get(&port).copied().unwrap_or(port);
        if !taken.insert(own) {
            return Err(RenderError::PortTwice { port: own });
        }
        text += &fill(
            LISTENER,
            &[
                ("NAME", scalar(&format!("gateway-{port}"))),
                ("ADDRESS", scalar(&options.address.to_string())),
                ("PORT", own.to_string()),
                ("BUFFER", buffer.to_string()),
                ("MAX_BODY", options.max_body_bytes.to_string()),
                ("CONNECTION_WINDOW", buffer.saturating_add(buffer / 4).to_string()),
                ("BBR_MODULE", module("bbr-filter.wasm")),
                ("BBR", bbr.clone()),
                ("PICKER_MODULE", module("picker-filter.wasm")),
                ("PICKER", picker.clone()),
                ("HOSTS", hosts::render(intent, options, port)?),
            ],
        )?;
    }
    Ok(text)
}

/// The pools that routes lead to, by name.
#[must_use]
pub fn routed(intent: &Intent) -> Vec<&Pool> {
    let backends = intent.routes.iter().flat_map(|route| &route.rules).flat_map(|r| &r.backends);
    let names: BTreeSet<_> = backends
        .filter(|backend| backend.weight > 0)
        .filter_map(|backend| match &backend.to {
            Destination::Pool(name) => Some(name),
            Destination::Service { .. } => None,
        })
        .collect();
    intent.pools.iter().filter(|pool| names.contains(&pool.name)).collect()
}

fn services(intent: &Intent) -> BTreeSet<(&crate::intent::ObjectName, u16)> {
    let backends = intent.routes.iter().flat_map(|route| &route.rules).flat_map(|r| &r.backends);
    backends
        .filter(|backend| backend.weight > 0)
        .filter_map(|backend| match &backend.to {
            Destination::Service { name, port } => Some((name, *port)),
            Destination::Pool(_) => None,
        })
        .collect()
}

/// What the intent has and plain Envoy does not get.
#[must_use]
pub fn left_out(intent: &Intent) -> Vec<Notice> {
    let listeners = intent
        .gateways
        .iter()
        .flat_map(|gateway| gateway.listeners.iter().map(move |listener| (gateway, listener)));
    let https = listeners.filter(|(_, listener)| listener.protocol == Protocol::Https);
    let notice = |(gateway, listener): (&Gateway, &Listener)| Notice {
        origin: gateway.origin.clone(),
        kind: NoticeKind::Doubtful {
            subject: format!("Gateway {}", gateway.name),
            doubt: Doubt::NoCertificates { listener: listener.name.clone() },
        },
    };
    https.map(notice).collect()
}

/// The name of a destination's cluster.
fn cluster_name(intent: &Intent, to: &Destination) -> String {
    match to {
        Destination::Pool(name) => {
            intent.pool(name).map_or_else(|| name.to_string(), |pool| pool.id.clone())
        }
        Destination::Service { name, port } => format!("service/{name}:{port}"),
    }
}
