//! The filters that are compared, each as a configuration for Envoy.
//!
//! Invariant: all are made from the same file and differ in one HTTP filter alone.
//! From the guides' configuration are taken away, for all variants: the picker (it does
//! nothing yet) and the access log (writing it costs the same everywhere, which would
//! flatter the ratios). The routes add no response headers: those of the pools do in the
//! guides, which only requests with model headers reach, and so only those of our filter
//! would pay for it. Every pool leads to the one upstream, and so does a request
//! that no route knows: without our filter nothing sets the headers to route by.

use crate::bodies::Place;
use envoy_runner::{Bootstrap, BootstrapError};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_yaml_ng::{Mapping, Value};
use std::path::{Path, PathBuf};

/// The name of our filter in the guides' configuration.
const BBR: &str = "bbr";
const ROUTER: &str = "envoy.filters.http.router";

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
}

impl Variant {
    /// All of them, in the order of a round.
    pub const ALL: [Self; 5] =
        [Self::Nothing, Self::Buffer, Self::Copy, Self::Complete, Self::FirstModel];

    /// For tables.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Nothing => "no filter",
            Self::Buffer => "Envoy's `buffer`",
            Self::Copy => "Wasm, copies only",
            Self::Complete => "ours, `complete`",
            Self::FirstModel => "ours, `firstModel`",
        }
    }

    /// Where the bodies sent to it have their model: last, the worst case, but first
    /// for the variant that is made for it.
    #[must_use]
    pub fn place(self) -> Place {
        if self == Self::FirstModel { Place::First } else { Place::Last }
    }

    /// The model header that the upstream must see.
    #[must_use]
    pub fn model_header(self) -> &'static str {
        match self {
            Self::Nothing | Self::Buffer => "",
            Self::Copy => "copied",
            Self::Complete | Self::FirstModel => crate::bodies::MODEL,
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
    /// The upstream's port on loopback.
    pub upstream: u16,
}

/// The ports of one Envoy.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// Where it takes requests.
    pub gateway: u16,
    /// Its admin interface.
    pub admin: u16,
}

/// A variant's configuration. `largest` is the largest body it has to take, in bytes.
pub fn bootstrap(
    variant: Variant,
    places: &Places,
    ports: Ports,
    largest: u32,
) -> Result<Bootstrap, BootstrapError> {
    let mut bootstrap = Bootstrap::load(&places.configuration)?;
    bootstrap.with_ports(&[(8080, ports.gateway), (9901, ports.admin)])?;
    bootstrap.with_modules(&places.modules);
    let mut settings = bootstrap.plugin_configuration(BBR)?;
    if let Some(settings) = settings.as_object_mut() {
        let route_on = if variant == Variant::FirstModel { "firstModel" } else { "complete" };
        settings.insert("routeOn".to_owned(), json!(route_on));
        settings.insert("maxBodyBytes".to_owned(), json!(largest));
    }
    bootstrap.with_plugin_configuration(BBR, &settings)?;
    bootstrap.edit(|root| {
        each_mapping(root, &mut |mapping| {
            mapping.remove("access_log");
            mapping.remove("response_headers_to_add");
            if let Some(Value::Sequence(filters)) = mapping.get_mut("http_filters") {
                keep_one(filters, variant, &places.copy_filter, largest);
            }
            if mapping.contains_key("lb_endpoints") {
                mapping.insert("lb_endpoints".into(), endpoint(places.upstream));
            }
            if mapping.remove("direct_response").is_some() {
                let route = json!({"cluster": "vllm-llama3-8b-instruct", "timeout": "300s"});
                mapping.insert("route".into(), yaml(&route));
            }
        });
    });
    Ok(bootstrap)
}

/// Leaves the variant's filter and the router.
fn keep_one(filters: &mut Vec<Value>, variant: Variant, copy_filter: &Path, largest: u32) {
    let name = |filter: &Value| filter.get("name").and_then(Value::as_str).map(str::to_owned);
    filters.retain(|filter| matches!(name(filter).as_deref(), Some(BBR | ROUTER)));
    match variant {
        Variant::Complete | Variant::FirstModel => {}
        Variant::Nothing => filters.retain(|filter| name(filter).as_deref() != Some(BBR)),
        Variant::Buffer => filters.iter_mut().for_each(|filter| {
            if name(filter).as_deref() == Some(BBR) {
                *filter = yaml(&json!({
                    "name": "envoy.filters.http.buffer",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
                        "max_request_bytes": largest,
                    },
                }));
            }
        }),
        Variant::Copy => filters.iter_mut().for_each(|filter| {
            each_mapping(filter, &mut |mapping| {
                if mapping.contains_key("filename") {
                    let file = copy_filter.display().to_string();
                    mapping.insert("filename".into(), file.into());
                }
                if let Some(root_id) = mapping.get_mut("root_id") {
                    *root_id = "copy".into();
                }
            });
        }),
    }
}

fn endpoint(port: u16) -> Value {
    yaml(&json!([{"endpoint": {"address": {"socket_address": {
        "address": "127.0.0.1",
        "port_value": port,
    }}}}]))
}

/// JSON is YAML.
fn yaml(value: &serde_json::Value) -> Value {
    serde_yaml_ng::to_value(value).unwrap_or_default()
}

fn each_mapping(value: &mut Value, visit: &mut impl FnMut(&mut Mapping)) {
    match value {
        Value::Mapping(mapping) => {
            visit(mapping);
            mapping.iter_mut().for_each(|(_, value)| each_mapping(value, visit));
        }
        Value::Sequence(values) => values.iter_mut().for_each(|value| each_mapping(value, visit)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(variant: Variant) -> Value {
        let places = Places {
            configuration: Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../envoy-config/guides.yaml"),
            modules: "/modules".into(),
            copy_filter: "/copy.wasm".into(),
            upstream: 4000,
        };
        let ports = Ports { gateway: 5000, admin: 5001 };
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
    fn variants_differ_in_one_filter_alone() {
        let mut floor = made(Variant::Buffer);
        let floor_filters = filters(&mut floor);
        for variant in Variant::ALL {
            let mut other = made(variant);
            let mut other_filters = filters(&mut other);
            assert_eq!(other, floor, "{variant:?}");
            assert_eq!(other_filters.pop(), floor_filters.last().cloned(), "the router");
            let expected = usize::from(variant != Variant::Nothing);
            assert_eq!(other_filters.len(), expected, "{variant:?}");
        }
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
