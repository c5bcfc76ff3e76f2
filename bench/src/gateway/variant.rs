//! The filters that are compared, each as a configuration for Envoy.
//!
//! Invariant: all are made from the guides' configuration and differ in the filter that
//! reads the body, and what that one needs, alone. The picker is taken away for all: it is
//! measured with pools of endpoints. Every pool leads to the one upstream, and so does a
//! request that no route knows.

use super::rivals;
use crate::bodies::Place;
use crate::envoys::edit::{each_chain, each_mapping, load, name, plain, route_all, yaml};
use envoy_runner::{Bootstrap, BootstrapError};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_yaml_ng::Value;
use std::path::PathBuf;

/// The name of our filter in the guides' configuration.
const BBR: &str = "bbr";
const ROUTER: &str = "envoy.filters.http.router";
/// A pool of the guides.
const POOL: &str = "vllm-llama3-8b-instruct";

/// What stands in the filter chain before the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Variant {
    /// Nothing.
    Nothing,
    /// Envoy's own filter that waits for the whole body: the floor.
    Buffer,
    /// A Wasm filter that only copies the body.
    Copy,
    /// Ours, deciding at the body's end.
    Complete,
    /// Ours, deciding at the first model.
    FirstModel,
    /// Envoy's Lua, with a pattern over the body.
    Lua,
    /// Envoy's own JSON reader.
    JsonToMetadata,
    /// A Rust server beside Envoy that gets the body whole.
    ExtProcBuffered,
    /// The same, with the body streaming there and back.
    ExtProcDuplex,
}

impl Variant {
    /// All of them, in the order of a round.
    pub const ALL: [Self; 9] = [
        Self::Nothing,
        Self::Buffer,
        Self::Copy,
        Self::Complete,
        Self::FirstModel,
        Self::Lua,
        Self::JsonToMetadata,
        Self::ExtProcBuffered,
        Self::ExtProcDuplex,
    ];

    /// For tables.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Nothing => "no filter",
            Self::Buffer => "Envoy's `buffer`",
            Self::Copy => "Wasm, copies only",
            Self::Complete => "ours, `complete`",
            Self::FirstModel => "ours, `firstModel`",
            Self::Lua => "Lua, pattern",
            Self::JsonToMetadata => "`json_to_metadata`",
            Self::ExtProcBuffered => "`ext_proc`, buffered",
            Self::ExtProcDuplex => "`ext_proc`, duplex",
        }
    }

    /// Where the bodies sent to it have their model: last, the worst case, but first
    /// for the variant that is made for it.
    #[must_use]
    pub fn place(self) -> Place {
        if self == Self::FirstModel { Place::First } else { Place::Last }
    }

    /// Whether a process beside Envoy belongs to it.
    #[must_use]
    pub fn is_ext_proc(self) -> bool {
        matches!(self, Self::ExtProcBuffered | Self::ExtProcDuplex)
    }

    /// The model header that the upstream must see.
    #[must_use]
    pub fn model_header(self) -> &'static str {
        match self {
            Self::Nothing | Self::Buffer => "",
            Self::Copy => "copied",
            _ => crate::bodies::MODEL,
        }
    }
}

/// Where things are for all variants.
#[derive(Clone, Debug)]
pub struct Places {
    /// The guides' configuration.
    pub configuration: PathBuf,
    /// The folder with `bbr-filter.wasm`.
    pub modules: PathBuf,
    /// The filter that only copies.
    pub copy_filter: PathBuf,
    /// The `ext_proc` server.
    pub ext_proc: PathBuf,
}

/// The ports of one Envoy.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// Where it takes requests.
    pub gateway: u16,
    /// Its admin interface.
    pub admin: u16,
    /// The upstream's, on loopback.
    pub upstream: u16,
    /// The `ext_proc` server that it asks, if it does.
    pub ext_proc: Option<u16>,
}

/// A variant's configuration. `largest` is the largest body it has to take, in bytes.
pub fn bootstrap(
    variant: Variant,
    places: &Places,
    ports: Ports,
    largest: u32,
) -> Result<Bootstrap, BootstrapError> {
    let mut bootstrap = Bootstrap::load(&places.configuration)?;
    bootstrap.with_ports(&[(8080, ports.gateway), (9901, ports.admin), (9902, 0)])?;
    bootstrap.with_modules(&places.modules);
    let mut settings = bootstrap.plugin_configuration(BBR)?;
    if let Some(settings) = settings.as_object_mut() {
        let route_on = if variant == Variant::FirstModel { "firstModel" } else { "complete" };
        settings.insert("routeOn".to_owned(), json!(route_on));
        settings.insert("maxBodyBytes".to_owned(), json!(largest));
    }
    bootstrap.with_plugin_configuration(BBR, &settings)?;
    bootstrap.edit(|root| {
        plain(root);
        route_all(root, POOL);
        each_mapping(root, &mut |mapping| {
            if mapping.contains_key("lb_endpoints") {
                mapping.insert("lb_endpoints".into(), endpoint(ports.upstream));
            }
        });
        each_chain(root, &mut |filters| {
            filters.retain(|filter| matches!(name(filter), BBR | ROUTER));
            let at = filters.iter().position(|filter| name(filter) == BBR).unwrap_or(0);
            if let Some(others) = instead(variant, places, largest, filters.get(at)) {
                filters.splice(at..=at, others);
            }
        });
        let clusters = root.get_mut("static_resources").and_then(|all| all.get_mut("clusters"));
        if let (Some(Value::Sequence(clusters)), Some(port)) = (clusters, ports.ext_proc) {
            clusters.push(yaml(&rivals::ext_proc_cluster(port)));
        }
    });
    Ok(bootstrap)
}

/// The filters that stand where ours does; none if ours stays.
fn instead(
    variant: Variant,
    places: &Places,
    largest: u32,
    ours: Option<&Value>,
) -> Option<Vec<Value>> {
    let filters = match variant {
        Variant::Complete | Variant::FirstModel => return None,
        Variant::Nothing => Vec::new(),
        Variant::Buffer => vec![json!({
            "name": "envoy.filters.http.buffer",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
                "max_request_bytes": largest,
            },
        })],
        Variant::Copy => {
            let mut filter = ours?.clone();
            load(&mut filter, &places.copy_filter);
            each_mapping(&mut filter, &mut |mapping| {
                if let Some(root_id) = mapping.get_mut("root_id") {
                    *root_id = "copy".into();
                }
            });
            return Some(vec![filter]);
        }
        Variant::Lua => rivals::lua(),
        Variant::JsonToMetadata => rivals::json_to_metadata(),
        Variant::ExtProcBuffered => rivals::ext_proc(false),
        Variant::ExtProcDuplex => rivals::ext_proc(true),
    };
    Some(filters.iter().map(yaml).collect())
}

fn endpoint(port: u16) -> Value {
    yaml(&json!([{"endpoint": {"address": {"socket_address": {
        "address": "127.0.0.1",
        "port_value": port,
    }}}}]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn made(variant: Variant) -> Value {
        let places = Places {
            configuration: Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../envoy-config/guides.yaml"),
            modules: "/modules".into(),
            copy_filter: "/copy.wasm".into(),
            ext_proc: "/ext-proc".into(),
        };
        let ports = Ports { gateway: 5000, admin: 5001, upstream: 4000, ext_proc: None };
        bootstrap(variant, &places, ports, 1_000).unwrap().value().clone()
    }

    /// Takes the filters out of a configuration.
    fn filters(root: &mut Value) -> Vec<Value> {
        let mut found = Vec::new();
        each_mapping(root, &mut |mapping| {
            if let Some(Value::Sequence(filters)) = mapping.remove("http_filters") {
                found = filters;
            }
        });
        found
    }

    #[test]
    fn variants_differ_in_what_reads_the_body_alone() {
        let mut floor = made(Variant::Buffer);
        let floor_filters = filters(&mut floor);
        for variant in Variant::ALL {
            let mut other = made(variant);
            let mut other_filters = filters(&mut other);
            assert_eq!(other, floor, "{variant:?}");
            assert_eq!(other_filters.pop(), floor_filters.last().cloned(), "the router");
            let expected = match variant {
                Variant::Nothing => 0,
                // Metadata is no header: another filter makes it one.
                Variant::JsonToMetadata => 2,
                _ => 1,
            };
            assert_eq!(other_filters.len(), expected, "{variant:?}");
        }
    }

    #[test]
    fn all_routes_do_the_same_but_for_the_name_of_the_cluster() {
        let mut actions = Vec::new();
        each_mapping(&mut made(Variant::Complete), &mut |mapping| {
            if let Some(Value::Mapping(action)) = mapping.get_mut("route") {
                action.remove("cluster");
                actions.push(action.clone());
            }
        });
        assert!(actions.len() > 2, "{actions:?}");
        assert!(actions.iter().all(|action| *action == actions[0]), "{actions:?}");
    }

    #[test]
    fn every_endpoint_is_the_upstream_and_no_route_answers_by_itself() {
        let text = serde_yaml_ng::to_string(&made(Variant::Complete)).unwrap();
        assert!(!text.contains("direct_response:"), "{text}");
        for (line, number) in text.lines().filter_map(|line| line.trim().split_once(": ")) {
            if line == "port_value" {
                assert!(["4000", "5000", "5001"].contains(&number), "{number}");
            }
        }
    }

    #[test]
    fn the_copying_variant_loads_the_copying_module() {
        let text = serde_yaml_ng::to_string(&made(Variant::Copy)).unwrap();
        assert!(text.contains("filename: /copy.wasm") && !text.contains("bbr-filter.wasm"));
    }
}
