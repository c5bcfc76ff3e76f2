//! What `igw import` writes, as the API server takes it, and as the trial runs it.
//!
//! Invariant: all that is rendered is shown to the API server as it is. What the trial then
//! applies differs in one thing: modules are files, since Istio's agent, which would fetch
//! them, does not run.

use super::cluster::Cluster;
use super::control_plane::{documents, list};
use crate::project;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The manifests that everything is rendered for.
pub(super) const GUIDES: &str = "examples/guides.yaml";

/// Digests of modules that are nowhere, as `igw import` takes them.
pub(super) fn no_digests() -> Vec<String> {
    let digest = |module: &str, digit: &str| format!("{module}=sha256:{}", digit.repeat(64));
    vec![digest("bbr-filter", "1"), digest("picker-filter", "2")]
}

/// Has `igw` write the objects for modules in this registry.
pub(super) fn import(
    cluster: &Cluster,
    registry: &str,
    digests: &[String],
    to: &Path,
) -> Result<()> {
    let (to, manifests) = (to.display().to_string(), project::root().join(GUIDES));
    let manifests = manifests.display().to_string();
    let mut arguments = vec!["import", &manifests, "--target", "istio", "-o", &to];
    arguments.extend(["--registry", registry]);
    arguments.extend(digests.iter().flat_map(|digest| ["--digest", digest]));
    cluster.ask("igw", &arguments).map(drop)
}

/// Shows the API server every object that is rendered in the tests of `igw` for Istio and
/// for Envoy Gateway, and those of the examples; how many it took.
pub(super) fn show(cluster: &Cluster) -> Result<usize> {
    let root = project::root();
    let mut files = yaml(&root.join("istio"))?;
    files.extend(yaml(&root.join("envoy-gateway"))?);
    for file in yaml(&root.join("cli/tests/golden"))? {
        let folder = file.parent().and_then(Path::file_name).unwrap_or_default();
        if folder == "istio" || folder == "envoy-gateway" {
            files.push(file);
        }
    }
    files.retain(|file| !file.components().any(|part| part.as_os_str() == "crds"));
    let mut namespaces = BTreeSet::from(["default".to_owned()]);
    for file in &files {
        let objects = documents(&fs::read_to_string(file)?)?;
        for object in &objects {
            let namespace = object.pointer("/metadata/namespace");
            let namespace = namespace.and_then(Value::as_str).unwrap_or("default");
            if namespaces.insert(namespace.to_owned()) {
                cluster.ask("kubectl", &["create", "namespace", namespace])?;
            }
        }
    }
    cluster.show(&files)
}

/// The YAML files below a folder.
fn yaml(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(yaml(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            files.push(path);
        }
    }
    Ok(files)
}

/// Makes files of the modules' images, in the objects for Istio.
pub(super) fn localize(folder: &Path) -> Result<()> {
    let module = |name: &str| project::dist().join(name).display().to_string();
    rewrite(&folder.join("picker.yaml"), |object| {
        if object["kind"] == "WasmPlugin"
            && let Some(url) = object.pointer_mut("/spec/url")
        {
            *url = json!(format!("file://{}", module("picker-filter.wasm")));
        }
    })?;
    rewrite(&folder.join("bbr.yaml"), |object| {
        let code = "/spec/configPatches/0/patch/value/typed_config/config/vm_config/code";
        if let Some(code) = object.pointer_mut(code) {
            *code = json!({"local": {"filename": module("bbr-filter.wasm")}});
        }
    })
}

fn rewrite(file: &Path, change: impl Fn(&mut Value)) -> Result<()> {
    let mut objects = documents(&fs::read_to_string(file)?)?;
    objects.iter_mut().for_each(change);
    fs::write(file, list(objects).to_string())?;
    Ok(())
}

/// Somebody else's EnvoyFilter, younger than ours, that wants its filter to be the first.
pub(super) fn stranger() -> Value {
    let filter = "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config";
    json!({
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": "stranger", "namespace": "default"},
        "spec": {
            "targetRefs": [{
                "group": "gateway.networking.k8s.io",
                "kind": "Gateway",
                "name": "inference-gateway",
            }],
            "configPatches": [{
                "applyTo": "HTTP_FILTER",
                "match": {"context": "GATEWAY", "listener": {"filterChain": {"filter": {
                    "name": "envoy.filters.network.http_connection_manager",
                }}}},
                "patch": {"operation": "INSERT_FIRST", "value": {
                    "name": "stranger",
                    "typed_config": {"@type": filter},
                }},
            }],
        },
    })
}
