//! Envoy Gateway's policies: an EnvoyExtensionPolicy carries a plugin, an EnvoyPatchPolicy may
//! say of its filter what the former cannot.
//!
//! Invariant: both stand in any order, so what is wanting is judged when all were seen.

use std::collections::BTreeSet;

use serde_json::Value;

use super::ResourceFault;
use crate::check::{Finding, plugin};
use crate::diagnostics::Origin;
use crate::proxy::{self, Plugin, Role, role_of};

/// What the names of the filters begin with that Envoy Gateway makes of plugins.
const FILTER: &str = "envoy.filters.http.wasm/envoyextensionpolicy";

/// What the policies of a set say of BBR's filters.
#[derive(Debug, Default)]
pub(in crate::check) struct Policies {
    /// The filters of BBR, and where they are.
    wanting: Vec<(String, Origin)>,
    /// The JSON paths below which a patch lets a filter hold headers.
    patched: BTreeSet<String>,
}

impl Policies {
    /// Notes what an EnvoyPatchPolicy patches.
    pub(in crate::check) fn patch(&mut self, document: &Value) {
        for patch in proxy::list(document, "/spec/jsonPatches") {
            let text = |field| proxy::text(patch, &format!("/operation/{field}"));
            let (json_path, path) = (text("jsonPath").unwrap_or_default(), text("path"));
            let holds = path.is_some_and(|path| path.ends_with("allow_on_headers_stop_iteration"));
            let on = patch.pointer("/operation/value") == Some(&Value::Bool(true));
            if holds && on {
                self.patched.insert(json_path.to_owned());
            }
        }
    }

    /// Says which filters cannot hold headers.
    pub(in crate::check) fn check(self, findings: &mut Vec<Finding>) {
        for (filter, origin) in self.wanting {
            if !self.patched.iter().any(|path| path.contains(&format!("'{filter}'"))) {
                let fault = ResourceFault::CannotHold { kind: "EnvoyExtensionPolicy" };
                findings.push(Finding::new(origin, fault));
            }
        }
    }

    /// Checks an EnvoyExtensionPolicy's plugins.
    pub(in crate::check) fn extension(
        &mut self,
        document: &Value,
        namespace: &str,
        at: &dyn Fn(&str) -> Origin,
        findings: &mut Vec<Finding>,
    ) -> Vec<Plugin> {
        let mut plugins = Vec::new();
        let own = |field: &str| proxy::text(document, &format!("/metadata/{field}"));
        let policy = format!(
            "{}/{}",
            own("namespace").unwrap_or(namespace),
            own("name").unwrap_or_default()
        );
        for (index, wasm) in proxy::list(document, "/spec/wasm").iter().enumerate() {
            let path = format!("spec.wasm.{index}");
            let url =
                ["/code/image/url", "/code/http/url"].iter().find_map(|at| proxy::text(wasm, at));
            let url = url.unwrap_or_default();
            let name = proxy::text(wasm, "/name").unwrap_or_default();
            let config = wasm.get("config");
            let Some(role) = config.and_then(role_of).or_else(|| proxy::role_by_name([url, name]))
            else {
                continue;
            };
            if role == Role::Bbr {
                let filter = format!("{FILTER}/{policy}/wasm/{index}");
                self.wanting.push((filter, at(&path)));
            }
            let open = wasm.get("failOpen").and_then(Value::as_bool).unwrap_or(false);
            let sha = ["/code/image/sha256", "/code/http/sha256"];
            let plugin = Plugin {
                role,
                origin: at(&format!("{path}.config")),
                name: name.to_owned(),
                text: config.map(Value::to_string).unwrap_or_default(),
                holds_headers: true,
                // It has no field for reloading.
                failure_policy: Some(if open { "FAIL_OPEN" } else { "FAIL_RELOAD" }.to_owned()),
                vm_id: String::new(),
                module: url.to_owned(),
                pinned: url.contains("@sha256:")
                    || sha.iter().any(|at| proxy::text(wasm, at).is_some()),
            };
            plugin::check(&plugin, findings);
            plugins.push(plugin);
        }
        plugins
    }
}
