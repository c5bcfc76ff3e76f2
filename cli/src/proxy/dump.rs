//! A running Envoy's `/config_dump` as a [`Proxy`].

use super::{Cluster, Proxy, RouteTable, http, is_type, list, text};
use crate::diagnostics::Origin;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a dump says.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    /// The configuration in force.
    pub proxy: Proxy,
    /// What has not arrived as it should.
    pub arrivals: Vec<Arrival>,
}

/// Something of the configuration that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Envoy refused a new version of a listener.
    Refused {
        /// The listener.
        listener: String,
        /// Envoy's reason.
        reason: String,
    },
    /// An older version of a listener still serves its connections.
    Draining {
        /// The listener.
        listener: String,
    },
    /// A filter's configuration has not been discovered.
    Missing {
        /// The filter.
        filter: String,
        /// Its listener.
        listener: String,
    },
    /// Istio's agent put RBAC in a filter's place.
    Replaced {
        /// The filter.
        filter: String,
        /// What is there now refuses every request; else it lets every request pass.
        refuses: bool,
    },
}

/// Reads a dump.
#[must_use]
pub fn from_dump(dump: &Value) -> Dump {
    let sections = list(dump, "/configs");
    let of = |name: &'static str| sections.iter().filter(move |section| is_type(section, name));
    let mut read = Dump::default();
    let mut discovered = BTreeMap::new();
    for section in of("EcdsConfigDump") {
        for one in list(section, "/ecds_filters") {
            let Some(filter) = one.get("ecds_filter") else { continue };
            let Some((name, config)) = text(filter, "/name").zip(filter.get("typed_config")) else {
                continue;
            };
            if is_type(config, "RBAC") {
                // Rules that are there and empty match nothing, so nothing is allowed.
                let refuses = config.get("rules").is_some();
                read.arrivals.push(Arrival::Replaced { filter: name.to_owned(), refuses });
            }
            discovered.insert(name.to_owned(), config.clone());
        }
    }
    let mut tables = BTreeMap::new();
    for section in of("RoutesConfigDump") {
        let both = list(section, "/static_route_configs");
        for one in both.iter().chain(list(section, "/dynamic_route_configs")) {
            let Some(config) = one.get("route_config") else { continue };
            if let Some(name) = text(config, "/name") {
                tables.insert(name.to_owned(), RouteTable::read(config));
            }
        }
    }
    for section in of("ListenersConfigDump") {
        read.listeners(section, &discovered, &tables);
    }
    for section in of("ClustersConfigDump") {
        let all = list(section, "/static_clusters").iter();
        for one in all.chain(list(section, "/dynamic_active_clusters")) {
            let Some(cluster) = one.get("cluster") else { continue };
            let name = text(cluster, "/name").unwrap_or_default();
            if let Some(cluster) = Cluster::read(cluster, place(&format!("cluster {name}"))) {
                read.proxy.clusters.insert(cluster.name.clone(), cluster);
            }
        }
    }
    read
}

impl Dump {
    fn listeners(
        &mut self,
        section: &Value,
        discovered: &BTreeMap<String, Value>,
        tables: &BTreeMap<String, RouteTable>,
    ) {
        let mut active: Vec<&Value> = list(section, "/static_listeners")
            .iter()
            .filter_map(|one| one.get("listener"))
            .collect();
        for one in list(section, "/dynamic_listeners") {
            let name = text(one, "/name").unwrap_or_default().to_owned();
            if let Some(reason) = text(one, "/error_state/details") {
                let reason = reason.to_owned();
                self.arrivals.push(Arrival::Refused { listener: name.clone(), reason });
            }
            if one.get("draining_state").is_some() {
                self.arrivals.push(Arrival::Draining { listener: name });
            }
            active.extend(one.pointer("/active_state/listener"));
        }
        for listener in active {
            let locate = |_: &str, label: &str| place(label);
            let mut managers = http::of_listener(listener, "", &locate, discovered);
            let names = route_names(listener);
            for (manager, name) in managers.iter_mut().zip(names) {
                if manager.routes.is_none() {
                    manager.routes = name.and_then(|name| tables.get(&name)).cloned();
                }
                for filter in &manager.filters {
                    if matches!(filter.kind, http::FilterKind::Discovered) {
                        let (filter, listener) = (filter.name.clone(), manager.listener.clone());
                        self.arrivals.push(Arrival::Missing { filter, listener });
                    }
                }
            }
            self.proxy.http.extend(managers);
        }
    }
}

/// The names of the route configurations of a listener's managers, in their order.
fn route_names(listener: &Value) -> Vec<Option<String>> {
    let chains =
        list(listener, "/filter_chains").iter().chain(listener.get("default_filter_chain"));
    let filters = chains.flat_map(|chain| list(chain, "/filters"));
    let configs = filters.filter_map(|filter| filter.get("typed_config"));
    let managers = configs.filter(|config| is_type(config, "HttpConnectionManager"));
    managers.map(|config| text(config, "/rds/route_config_name").map(str::to_owned)).collect()
}

fn place(label: &str) -> Origin {
    Origin { file: label.into(), line: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::{FilterKind, Role};
    use serde_json::json;

    /// A listener with a discovered filter, and what was discovered.
    fn dump(discovered: &Value) -> Dump {
        let manager = json!({"@type": "x/HttpConnectionManager",
            "http_filters": [{"name": "igw-bbr", "config_discovery": {}}]});
        let listener =
            json!({"name": "l", "filter_chains": [{"filters": [{"typed_config": manager}]}]});
        from_dump(&json!({"configs": [
            {"@type": "x/ListenersConfigDump", "dynamic_listeners": [
                {"name": "l", "active_state": {"listener": listener}, "draining_state": {}},
                {"name": "m", "error_state": {"details": "bad"}}]},
            {"@type": "x/EcdsConfigDump", "ecds_filters": discovered},
        ]}))
    }

    #[test]
    fn a_discovered_filter_is_put_in_its_place() {
        let plugin = json!({"@type": "x/Wasm", "config": {"vm_config": {},
            "configuration": {"value": "{\"baseModels\": []}"}}});
        let dump = dump(&json!([{"ecds_filter": {"name": "igw-bbr", "typed_config": plugin}}]));
        let FilterKind::Own(plugin) = &dump.proxy.http[0].filters[0].kind else { panic!() };
        assert_eq!(plugin.role, Role::Bbr);
        let refused = Arrival::Refused { listener: "m".to_owned(), reason: "bad".to_owned() };
        assert_eq!(dump.arrivals, [Arrival::Draining { listener: "l".to_owned() }, refused]);
    }

    #[test]
    fn what_was_not_discovered_or_was_replaced_is_told() {
        let name = || "igw-bbr".to_owned();
        let missing = Arrival::Missing { filter: name(), listener: "l".to_owned() };
        assert!(dump(&json!([])).arrivals.contains(&missing));
        // As Istio's agent 1.31.1 wrote them, for FAIL_OPEN and for the rest.
        let passes = json!({"@type": "x/RBAC", "rules_stat_prefix": "wasm-default-allow"});
        let refuses = json!({"@type": "x/RBAC", "rules": {}});
        for (rbac, refuses) in [(passes, false), (refuses, true)] {
            let dump = dump(&json!([{"ecds_filter": {"name": "igw-bbr", "typed_config": rbac}}]));
            assert!(dump.arrivals.contains(&Arrival::Replaced { filter: name(), refuses }));
        }
    }
}
