//! The balancers that are compared, each as a configuration for Envoy.
//!
//! Invariant: all are made from the guides' configuration and have the same endpoints;
//! they differ in HTTP filters and in the cluster's balancing policy. Circuit breakers
//! are open for all: their defaults are for pools of another size.

use super::endpoints::Endpoints;
use crate::envoys::edit::{each_chain, load, name, plain, route_all, yaml};
use anyhow::{Context, Result};
use envoy_runner::{Bootstrap, free_ports};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use serde_yaml_ng::Value;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The guides' pool that has the endpoints.
pub(crate) const CLUSTER: &str = "vllm-llama3-8b-instruct";
const BBR: &str = "bbr";
const PICKER: &str = "picker";
const RESOLVE: &str = "resolve-route";
const ROUTER: &str = "envoy.filters.http.router";

/// Who chooses the endpoint, and what else stands in the filter chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Variant {
    /// Envoy, in turn; no HTTP filter.
    RoundRobin,
    /// Envoy, the less busy of two; no HTTP filter.
    LeastRequest,
    /// Envoy in turn, behind its own filter that waits for the whole body.
    Buffer,
    /// Envoy in turn, behind our filter that reads the body.
    Bbr,
    /// Envoy in turn, behind a Wasm filter that does nothing.
    Idle,
    /// A Wasm filter in turn, by the calls that the picker makes.
    Turn,
    /// Our picker.
    Picker,
    /// Our picker, while it scrapes each endpoint every 200 ms.
    PickerScraping,
    /// Our filter that reads the body, then our picker.
    Both,
}

impl Variant {
    /// All of them, in the order of a round.
    pub const ALL: [Self; 9] = [
        Self::RoundRobin,
        Self::LeastRequest,
        Self::Buffer,
        Self::Bbr,
        Self::Idle,
        Self::Turn,
        Self::Picker,
        Self::PickerScraping,
        Self::Both,
    ];

    /// For tables.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::RoundRobin => "`round_robin`",
            Self::LeastRequest => "`least_request`",
            Self::Buffer => "`buffer` filter, `round_robin`",
            Self::Bbr => "our BBR, `round_robin`",
            Self::Idle => "Wasm, does nothing, `round_robin`",
            Self::Turn => "Wasm, the picker's calls, in turn",
            Self::Picker => "our picker",
            Self::PickerScraping => "our picker, scraping",
            Self::Both => "our BBR and picker",
        }
    }

    /// The model header that an endpoint must see.
    #[must_use]
    pub fn model_header(self) -> &'static str {
        if matches!(self, Self::Bbr | Self::Both) { crate::bodies::MODEL } else { "" }
    }

    fn picks(self) -> bool {
        matches!(self, Self::Turn | Self::Picker | Self::PickerScraping | Self::Both)
    }

    /// The filters of the guides' configuration that stay.
    fn filters(self) -> &'static [&'static str] {
        match self {
            Self::RoundRobin | Self::LeastRequest => &[ROUTER],
            // Replaced in `keep`, or loaded with another module there.
            Self::Buffer | Self::Bbr => &[BBR, ROUTER],
            Self::Idle | Self::Turn | Self::Picker | Self::PickerScraping => &[PICKER, ROUTER],
            Self::Both => &[BBR, RESOLVE, PICKER, ROUTER],
        }
    }
}

/// How the picker learns of endpoints and their metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scrapes {
    /// Between two scrapes of an endpoint.
    pub interval: Duration,
    /// Scrapes that run at once at most.
    pub concurrency: u16,
    /// Found in Envoy's admin interface; else listed.
    pub discovered: bool,
}

impl Scrapes {
    /// So rarely that it costs next to nothing, and picks still go by metrics.
    pub const RARE: Self =
        Self { interval: Duration::from_secs(5), concurrency: 64, discovered: false };
    /// As the filter does unless told otherwise.
    pub const DEFAULT: Self =
        Self { interval: Duration::from_millis(200), concurrency: 32, discovered: false };
}

/// Where things are for all variants.
#[derive(Clone, Debug)]
pub struct Places {
    /// The guides' configuration.
    pub configuration: PathBuf,
    /// The folder with the built filters.
    pub modules: PathBuf,
    /// The filter that names endpoints in turn.
    pub turn_filter: PathBuf,
}

/// A variant's configuration and the port it takes requests at.
pub(crate) fn bootstrap(
    variant: Variant,
    places: &Places,
    endpoints: &Endpoints,
    scrapes: Scrapes,
) -> Result<(Bootstrap, u16)> {
    let ports = free_ports(2)?;
    let [port, admin] = ports.as_slice() else { anyhow::bail!("no two free ports") };
    let mut bootstrap = Bootstrap::load(&places.configuration)?;
    bootstrap.with_ports(&[(8080, *port), (9901, *admin), (9902, 0)])?;
    bootstrap.with_modules(&places.modules);
    let config = match variant {
        Variant::Idle => json!([]),
        Variant::Turn => addresses(endpoints),
        _ => picker(endpoints, scrapes),
    };
    bootstrap.with_plugin_configuration(PICKER, &config)?;
    let mut found = false;
    bootstrap.edit(|root| {
        plain(root);
        route_all(root, CLUSTER);
        each_chain(root, &mut |filters| keep(filters, variant, places));
        let clusters = root.get_mut("static_resources").and_then(|all| all.get_mut("clusters"));
        let clusters = clusters.and_then(Value::as_sequence_mut);
        for cluster in clusters.into_iter().flatten() {
            let Value::Mapping(cluster) = cluster else { continue };
            let open = json!({"thresholds": [{
                "max_connections": 100_000, "max_pending_requests": 100_000, "max_requests": 100_000,
            }]});
            cluster.insert("circuit_breakers".into(), yaml(&open));
            if cluster.get("name").and_then(Value::as_str) != Some(CLUSTER) {
                continue;
            }
            found = true;
            let hosts: Vec<_> = endpoints.addresses.iter().map(host).collect();
            let assignment =
                json!({"cluster_name": CLUSTER, "endpoints": [{"lb_endpoints": hosts}]});
            cluster.insert("load_assignment".into(), yaml(&assignment));
            if !variant.picks() {
                cluster.remove("load_balancing_policy");
                let least = variant == Variant::LeastRequest;
                let policy = if least { "LEAST_REQUEST" } else { "ROUND_ROBIN" };
                cluster.insert("lb_policy".into(), policy.into());
            }
        }
    });
    found.then_some((bootstrap, *port)).with_context(|| format!("no cluster named {CLUSTER}"))
}

fn picker(endpoints: &Endpoints, scrapes: Scrapes) -> Json {
    let source = if scrapes.discovered {
        json!({"envoyAdmin": "envoy_admin"})
    } else {
        addresses(endpoints)
    };
    json!({
        "pools": [{"name": CLUSTER, "endpoints": source}],
        "scrape": {
            "intervalMs": u64::try_from(scrapes.interval.as_millis()).unwrap_or(u64::MAX),
            "concurrency": scrapes.concurrency,
        },
        // As in the guides: no filter here sets one.
        "subsetMetadata": false,
    })
}

fn addresses(endpoints: &Endpoints) -> Json {
    endpoints.addresses.iter().map(ToString::to_string).collect()
}

fn host(address: &SocketAddr) -> Json {
    json!({"endpoint": {"address": {"socket_address": {
        "address": address.ip().to_string(),
        "port_value": address.port(),
    }}}})
}

fn keep(filters: &mut Vec<Value>, variant: Variant, places: &Places) {
    filters.retain(|filter| variant.filters().contains(&name(filter)));
    for filter in filters {
        match (variant, name(filter)) {
            (Variant::Buffer, BBR) => {
                *filter = yaml(&json!({
                    "name": "envoy.filters.http.buffer",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
                        "max_request_bytes": 16 << 20,
                    },
                }));
            }
            (Variant::Idle | Variant::Turn, PICKER) => load(filter, &places.turn_filter),
            _ => {}
        }
    }
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
            turn_filter: "/turn.wasm".into(),
        };
        let addresses = vec!["127.1.0.0:4000".parse().unwrap(), "127.1.0.1:4000".parse().unwrap()];
        let endpoints = Endpoints { addresses };
        bootstrap(variant, &places, &endpoints, Scrapes::RARE).unwrap().0.value().clone()
    }

    #[test]
    fn variants_have_their_filters_and_the_same_endpoints() {
        for variant in Variant::ALL {
            let mut root = made(variant);
            let mut names = Vec::new();
            each_chain(&mut root, &mut |filters| {
                names = filters.iter().map(|filter| name(filter).to_owned()).collect();
            });
            let mut expected: Vec<_> =
                variant.filters().iter().map(|name| (*name).to_owned()).collect();
            if variant == Variant::Buffer {
                expected[0] = "envoy.filters.http.buffer".to_owned();
            }
            assert_eq!(names, expected, "{variant:?}");
            let clusters = root["static_resources"]["clusters"].as_sequence().unwrap();
            let cluster = clusters.iter().find(|cluster| name(cluster) == CLUSTER).unwrap();
            let hosts = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"];
            assert_eq!(hosts.as_sequence().unwrap().len(), 2, "{variant:?}");
            assert_eq!(cluster.get("load_balancing_policy").is_some(), variant.picks());
        }
    }

    #[test]
    fn calibrations_stand_where_the_picker_does_with_a_module_of_their_own() {
        for variant in [Variant::Idle, Variant::Turn, Variant::Picker] {
            let text = serde_yaml_ng::to_string(&made(variant)).unwrap();
            let (own, picker) = (text.contains("/turn.wasm"), text.contains("picker-filter.wasm"));
            assert_eq!((own, picker), (variant != Variant::Picker, variant == Variant::Picker));
        }
    }

    #[test]
    fn the_picker_s_configuration_is_one_it_takes() {
        let addresses = vec!["127.1.0.0:4000".parse().unwrap()];
        for discovered in [true, false] {
            let scrapes = Scrapes { discovered, ..Scrapes::DEFAULT };
            let config = picker(&Endpoints { addresses: addresses.clone() }, scrapes).to_string();
            shared::picker::Settings::from_json(config.as_bytes()).unwrap();
        }
    }
}
