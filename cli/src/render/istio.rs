//! Istio 1.28 or newer: what a Gateway of Istio needs beside the manifests it has.
//!
//! The Gateways, HTTPRoutes and InferencePools stay as they are; written are, for each
//! Gateway, the filters and what stands around them, and the routes that the import added.
//! Invariant: modules are named by digest, so that what runs is what was checked. Rejected:
//! routes to plain Services instead of InferencePools; users would have to change theirs.

mod shadow;

use std::path::PathBuf;

use super::template::{fill, scalar};
use super::{Options, RenderError, RenderedFile, plugin, routes};
use crate::intent::{Intent, Pool};

const BBR: &str = include_str!("istio/bbr.yaml");
const PICKER: &str = include_str!("istio/picker.yaml");

/// Renders `bbr.yaml`, `picker.yaml` and, if routes were added, `routes.yaml`.
///
/// # Errors
/// No Gateway, or no registry and digests of the modules.
pub fn render(intent: &Intent, options: &Options) -> Result<Vec<RenderedFile>, RenderError> {
    if intent.gateways.is_empty() {
        return Err(RenderError::NoListener { reason: "no manifest defines or names a Gateway" });
    }
    let bbr_module = options.modules.image("bbr-filter")?;
    let picker_module = options.modules.image("picker-filter")?;
    let bbr = plugin::bbr(intent, options)?;
    let picker = plugin::picker(intent, options, |pool| Some(binding(pool)))?;
    let mut files = vec![file("bbr.yaml"), file("picker.yaml")];
    for gateway in &intent.gateways {
        let name = |part: &str| scalar(&format!("igw-{part}-{}", gateway.name.name));
        let values = [
            ("GATEWAY", scalar(&gateway.name.name)),
            ("NAMESPACE", scalar(&gateway.name.namespace)),
            ("BBR_NAME", name("bbr")),
            ("PICKER_NAME", name("picker")),
            ("BBR_MODULE", scalar(&bbr_module)),
            ("PICKER_MODULE", scalar(&picker_module)),
            ("BBR", bbr.clone()),
            // A structure, which Istio hands to the filter as JSON; JSON is YAML.
            ("PICKER", picker.clone()),
            ("BUFFER", options.buffer_bytes().to_string()),
        ];
        for (file, template) in files.iter_mut().zip([BBR, PICKER]) {
            file.text += &fill(template, &values)?;
        }
    }
    files.extend(routes::implied(intent)?);
    Ok(files)
}

fn file(name: &str) -> RenderedFile {
    let text = "# Written by `igw import --target istio`, for Istio 1.28 or newer.\n".to_owned();
    RenderedFile { path: PathBuf::from(name), text }
}

/// How Istio's Envoy knows a pool.
fn binding(pool: &Pool) -> plugin::Binding {
    plugin::Binding {
        cluster: shadow::cluster(&pool.name),
        other_clusters: Vec::new(),
        admin: "envoy_admin".to_owned(),
    }
}
