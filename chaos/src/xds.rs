//! A static configuration as files that Envoy watches: listeners, clusters, and the
//! filters' own configurations.
//!
//! Invariant: a file is replaced whole, by a rename, as Envoy wants it; and a replacement
//! counts only when Envoy's counters say that it was taken.

use envoy_runner::Bootstrap;
use serde_json::{Value as Json, json};
use std::fs;
use std::path::{Path, PathBuf};

/// The filters whose configurations are files of their own.
const FILTERS: [&str; 2] = ["bbr", "picker"];
/// Clusters that the filters themselves need, and that stay.
const OWN: [&str; 2] = ["igw_scrape", "envoy_admin"];

const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const LISTENER: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const EXTENSION: &str = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";

/// A file that Envoy watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All listeners.
    Listeners,
    /// The pools' clusters.
    Clusters,
    /// A filter's configuration, by its place in [`FILTERS`].
    Filter(usize),
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Listeners, Self::Clusters, Self::Filter(0), Self::Filter(1)];

    fn name(self) -> &'static str {
        match self {
            Self::Listeners => "listeners",
            Self::Clusters => "clusters",
            Self::Filter(place) => FILTERS[place],
        }
    }

    /// The counter of what Envoy took over.
    pub fn counter(self) -> String {
        match self {
            Self::Listeners => "listener_manager.lds.update_success".to_owned(),
            Self::Clusters => "cluster_manager.cds.update_success".to_owned(),
            Self::Filter(place) => {
                let name = FILTERS[place];
                format!("extension_config_discovery.http_filter.{name}.config_reload")
            }
        }
    }
}

/// The files.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    listeners: Vec<Json>,
    clusters: Vec<Json>,
    filters: Vec<Json>,
}

impl Files {
    /// Takes listeners, clusters and filters out of a configuration, which refers to files
    /// in `folder` from then on.
    pub fn split(bootstrap: &mut Bootstrap, folder: &Path) -> Self {
        let whole = serde_json::to_value(bootstrap.value()).expect("JSON");
        let list = |name: &str| whole["static_resources"][name].as_array().expect(name).clone();
        let mut files = Self {
            folder: folder.to_owned(),
            listeners: list("listeners"),
            clusters: list("clusters"),
            filters: Vec::new(),
        };
        let is_own = |cluster: &Json| OWN.iter().any(|name| cluster["name"] == *name);
        let own: Vec<Json> =
            files.clusters.iter().filter(|cluster| is_own(cluster)).cloned().collect();
        files.clusters.retain(|cluster| !is_own(cluster));
        for name in FILTERS {
            let mut found = None;
            for filter in files.listeners.iter_mut().flat_map(filters) {
                if filter["name"] == name {
                    found = Some(filter["typed_config"].clone());
                    let source = json!({
                        "path_config_source": {"path": files.folder.join(format!("{name}.json"))},
                        "resource_api_version": "V3",
                    });
                    *filter = json!({"name": name, "config_discovery":
                        {"config_source": source, "type_urls": [WASM]}});
                }
            }
            let config = found.expect("the filter is there");
            files.filters.push(json!({"name": name, "typed_config": config}));
        }
        for part in Part::ALL {
            files.write(part, 0);
        }
        let source = |part: Part| json!({"path_config_source": {"path": files.path(part)}, "resource_api_version": "V3"});
        let edited = json!({
            "node": {"id": "chaos", "cluster": "chaos"},
            "dynamic_resources": {
                "lds_config": source(Part::Listeners), "cds_config": source(Part::Clusters),
            },
            "static_resources": {"clusters": own},
        });
        bootstrap.edit(|value| {
            let edited: serde_yaml_ng::Value =
                serde_yaml_ng::from_str(&edited.to_string()).expect("JSON is YAML");
            for (key, part) in edited.as_mapping().expect("a mapping").clone() {
                value.as_mapping_mut().expect("a mapping").insert(key, part);
            }
        });
        files
    }

    fn path(&self, part: Part) -> PathBuf {
        self.folder.join(format!("{}.json", part.name()))
    }

    /// Replaces a file by one that says something else for each version.
    pub fn write(&self, part: Part, version: usize) {
        let resources = match part {
            Part::Listeners => typed(&self.listeners, LISTENER, |listener| {
                change_listener(listener, version);
            }),
            Part::Clusters => {
                typed(&self.clusters, CLUSTER, |cluster| change_cluster(cluster, version))
            }
            Part::Filter(place) => typed(&self.filters[place..=place], EXTENSION, |filter| {
                change_filter(filter, version);
            }),
        };
        let text = json!({"version_info": version.to_string(), "resources": resources});
        let (path, scratch) = (self.path(part), self.path(part).with_extension("new"));
        fs::write(&scratch, text.to_string()).expect("a temporary file");
        fs::rename(&scratch, path).expect("a temporary file");
    }
}

/// The HTTP filters of a listener.
fn filters(listener: &mut Json) -> impl Iterator<Item = &mut Json> {
    let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
    manager["http_filters"].as_array_mut().expect("filters").iter_mut()
}

fn typed(resources: &[Json], kind: &str, change: impl Fn(&mut Json)) -> Vec<Json> {
    let mut resources = resources.to_vec();
    for resource in &mut resources {
        resource["@type"] = kind.into();
        change(resource);
    }
    resources
}

/// Every second time only a filter chain, which Envoy replaces in place; else the listener.
fn change_listener(listener: &mut Json, version: usize) {
    if version % 2 == 1 {
        let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
        manager["request_headers_timeout"] = format!("{}s", 15 + version).into();
    } else {
        listener["per_connection_buffer_limit_bytes"] = (20_971_520 + version * 1024).into();
    }
}

/// Every second time a pool of several servers loses its last one, and gets it back.
fn change_cluster(cluster: &mut Json, version: usize) {
    cluster["connect_timeout"] = format!("2.{version:03}s").into();
    let endpoints = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"].as_array_mut();
    let endpoints = endpoints.expect("endpoints");
    if version % 2 == 1 && endpoints.len() > 1 {
        endpoints.pop();
    }
}

/// Another model, another rhythm: the filter gets a new plugin context.
fn change_filter(filter: &mut Json, version: usize) {
    let text = &mut filter["typed_config"]["config"]["configuration"]["value"];
    let mut config: Json =
        serde_json::from_str(text.as_str().expect("text")).expect("the filter's JSON");
    if let Some(models) = config.get_mut("baseModels") {
        models.as_array_mut().expect("a list").push(json!({"name": format!("version-{version}")}));
    } else {
        config["scrape"] = json!({"intervalMs": 200 - version % 50});
    }
    *text = config.to_string().into();
}
