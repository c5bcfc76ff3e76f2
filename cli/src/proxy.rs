//! An Envoy configuration, as far as this gateway depends on it: from a bootstrap file or
//! from what a running Envoy's `/config_dump` says.
//!
//! Invariant: both sources give the same [`Proxy`], so a running gateway is checked by the
//! same rules as a file before it is applied. Rejected: the generated types of Envoy's API;
//! they refuse what a newer Envoy adds, and here whatever plays no part is passed over.

mod cluster;
mod dump;
mod http;
pub mod matching;
mod plugin;
mod route;

use crate::diagnostics::Origin;
use serde_json::Value;
use std::collections::BTreeMap;

pub use cluster::Cluster;
pub use dump::{Arrival, Dump, from_dump};
pub use http::{Filter, FilterKind, Http};
pub use plugin::{Plugin, Role, role_of};
pub(crate) use plugin::{find as find_plugins, role_by_name};
pub use route::{Action, Condition, Route, RouteTable, Text, VirtualHost};

/// Finds the place of what stands at a path and is called so.
pub(crate) type Locate<'a> = &'a dyn Fn(&str, &str) -> Origin;

/// An Envoy configuration.
#[derive(Clone, Debug, Default)]
pub struct Proxy {
    /// The HTTP connection managers of all listeners.
    pub http: Vec<Http>,
    /// The clusters, by name.
    pub clusters: BTreeMap<String, Cluster>,
    /// Whether further clusters may come from a control plane.
    pub more_clusters: bool,
}

impl Proxy {
    /// The managers that have a BBR or a picker filter.
    pub fn gateways(&self) -> impl Iterator<Item = &Http> {
        self.http.iter().filter(|http| {
            let own = |filter: &Filter| matches!(filter.kind, FilterKind::Own(_));
            http.filters.iter().any(own)
        })
    }
}

/// Whether a document is a bootstrap.
#[must_use]
pub fn is_bootstrap(document: &Value) -> bool {
    ["static_resources", "dynamic_resources", "staticResources"]
        .iter()
        .any(|key| document.get(key).is_some())
}

/// Reads a bootstrap.
pub(crate) fn from_bootstrap(document: &Value, locate: Locate<'_>) -> Proxy {
    let mut proxy = Proxy::default();
    let list = |name: &str| {
        let list = document.pointer(&format!("/static_resources/{name}")).and_then(Value::as_array);
        list.map(Vec::as_slice).unwrap_or_default()
    };
    for (index, listener) in list("listeners").iter().enumerate() {
        let path = format!("static_resources.listeners.{index}");
        proxy.http.extend(http::of_listener(listener, &path, locate, &BTreeMap::new()));
    }
    for (index, cluster) in list("clusters").iter().enumerate() {
        let path = format!("static_resources.clusters.{index}");
        if let Some(cluster) = Cluster::read(cluster, locate(&path, "cluster")) {
            proxy.clusters.insert(cluster.name.clone(), cluster);
        }
    }
    proxy.more_clusters = document.get("dynamic_resources").is_some();
    proxy
}

/// The text at `pointer`.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// The list at `pointer`; an empty one if there is none.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let list = value.pointer(pointer).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

/// A number, which Envoy's JSON may write as a text.
pub(crate) fn number(value: &Value, pointer: &str) -> Option<u64> {
    let value = value.pointer(pointer)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// Whether a message is of this type, whatever its package is called.
pub(crate) fn is_type(value: &Value, name: &str) -> bool {
    text(value, "/@type").and_then(|url| url.rsplit(['.', '/']).next()) == Some(name)
}
