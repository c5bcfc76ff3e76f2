//! HTTP connection managers and their filters.

use super::plugin::{self, Plugin};
use super::{Locate, RouteTable, is_type, list, number, text};
use crate::diagnostics::Origin;
use serde_json::Value;
use std::collections::BTreeMap;

/// An HTTP connection manager.
#[derive(Clone, Debug)]
pub struct Http {
    /// Where it is.
    pub origin: Origin,
    /// Its listener's name.
    pub listener: String,
    /// Its listener's address, such as `0.0.0.0:8080`; empty if it has none.
    pub address: String,
    /// `per_connection_buffer_limit_bytes` of the listener; none: Envoy's 1 MiB.
    pub buffer: Option<u64>,
    /// `initial_stream_window_size` of HTTP/2; none: Envoy's.
    pub window: Option<u64>,
    /// The filters, in their order.
    pub filters: Vec<Filter>,
    /// The routes; none if they come from a control plane and are not here.
    pub routes: Option<RouteTable>,
}

/// An HTTP filter.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub origin: Origin,
    /// What it is.
    pub kind: FilterKind,
}

/// What an HTTP filter is.
#[derive(Clone, Debug)]
pub enum FilterKind {
    /// One of this project's.
    Own(Box<Plugin>),
    /// An external processor.
    ExternalProcessor,
    /// The router.
    Router,
    /// Its configuration is to be discovered under its name.
    Discovered,
    /// Any other.
    Other,
}

impl Http {
    /// This project's plugins.
    pub fn plugins(&self) -> impl Iterator<Item = &Plugin> {
        self.filters.iter().filter_map(|filter| match &filter.kind {
            FilterKind::Own(plugin) => Some(&**plugin),
            _ => None,
        })
    }
}

/// The managers of a listener. `discovered` has the configurations of filters that are
/// discovered, by name.
pub(super) fn of_listener(
    listener: &Value,
    path: &str,
    locate: Locate<'_>,
    discovered: &BTreeMap<String, Value>,
) -> Vec<Http> {
    let name = text(listener, "/name").unwrap_or("(no name)");
    let mut managers = Vec::new();
    let chains = list(listener, "/filter_chains").iter().enumerate();
    let chains = chains.map(|(index, chain)| (format!("{path}.filter_chains.{index}"), chain));
    let last = listener.get("default_filter_chain");
    let last = last.map(|chain| (format!("{path}.default_filter_chain"), chain));
    for (path, chain) in chains.chain(last) {
        for (index, filter) in list(chain, "/filters").iter().enumerate() {
            let Some(config) = filter.get("typed_config") else { continue };
            if !is_type(config, "HttpConnectionManager") {
                continue;
            }
            let path = format!("{path}.filters.{index}.typed_config");
            let filters = list(config, "/http_filters").iter().enumerate();
            managers.push(Http {
                origin: locate(&path, &format!("listener {name}")),
                listener: name.to_owned(),
                address: address(listener),
                buffer: number(listener, "/per_connection_buffer_limit_bytes"),
                window: number(config, "/http2_protocol_options/initial_stream_window_size"),
                filters: filters
                    .map(|(index, filter)| {
                        let path = format!("{path}.http_filters.{index}");
                        self::filter(filter, name, &path, locate, discovered)
                    })
                    .collect(),
                routes: config.get("route_config").map(RouteTable::read),
            });
        }
    }
    managers
}

fn filter(
    filter: &Value,
    listener: &str,
    path: &str,
    locate: Locate<'_>,
    discovered: &BTreeMap<String, Value>,
) -> Filter {
    let name = text(filter, "/name").unwrap_or_default().to_owned();
    let origin = locate(path, &format!("listener {listener}, filter {name}"));
    let own = filter.get("typed_config");
    let Some(config) = own.or_else(|| discovered.get(&name)) else {
        return Filter { name, origin, kind: FilterKind::Discovered };
    };
    let plugin = config.get("config").filter(|_| is_type(config, "Wasm"));
    let at = || match own {
        Some(_) => locate(
            &format!("{path}.typed_config.config"),
            &format!("listener {listener}, filter {name}"),
        ),
        None => origin.clone(),
    };
    let kind = match plugin.and_then(|plugin| plugin::read(plugin, at())) {
        Some(plugin) => FilterKind::Own(Box::new(plugin)),
        None if is_type(config, "ExternalProcessor") => FilterKind::ExternalProcessor,
        None if is_type(config, "Router") => FilterKind::Router,
        None => FilterKind::Other,
    };
    Filter { name, origin, kind }
}

fn address(listener: &Value) -> String {
    let ip = text(listener, "/address/socket_address/address");
    let port = number(listener, "/address/socket_address/port_value");
    match ip.zip(port) {
        Some((ip, port)) if ip.contains(':') => format!("[{ip}]:{port}"),
        Some((ip, port)) => format!("{ip}:{port}"),
        None => String::new(),
    }
}
