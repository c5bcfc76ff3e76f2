//! Checks files: decides what each document is, and has it checked as that.

use super::resource::{Patches, Policies, envoy_filter, wasm_plugin};
use super::{Finding, plugin, proxy, together, versions};
use crate::diagnostics::{Fault, FaultKind, Notice, Origin};
use crate::intent::{self, Intent, Settings};
use crate::manifests::{self, Document, Input, Source, Tree};
use crate::proxy::{Plugin, find_plugins, from_bootstrap, is_bootstrap, role_of};
use serde_json::Value;
use std::sync::Arc;

/// What checking files came to.
#[derive(Debug, Default)]
pub struct Checked {
    /// What was found, by place.
    pub findings: Vec<Finding>,
    /// What was ignored or assumed.
    pub notices: Vec<Notice>,
    /// What was checked, in words.
    pub seen: Vec<String>,
}

#[derive(Default)]
struct Check {
    checked: Checked,
    documents: Vec<Document>,
    plugins: Vec<Plugin>,
    patches: Patches,
    policies: Policies,
    counts: std::collections::BTreeMap<String, usize>,
}

/// Checks files. Objects without a namespace get `namespace`.
#[must_use]
pub fn files(inputs: &[Input], namespace: &str) -> Checked {
    let mut check = Check::default();
    for input in inputs {
        match input.sources() {
            Ok(sources) => sources.iter().for_each(|source| check.source(source, namespace)),
            Err(fault) => check.fault(fault),
        }
    }
    check.finish()
}

impl Check {
    fn fault(&mut self, fault: Fault) {
        self.checked.findings.push(fault.into());
    }

    fn source(&mut self, source: &Source, namespace: &str) {
        let trees = match manifests::trees(source) {
            Ok(trees) => trees,
            Err(fault) => return self.fault(fault),
        };
        if trees.is_empty() {
            let origin = Origin { file: Arc::clone(&source.name), line: 1 };
            self.fault(Fault { origin, kind: FaultKind::Empty });
        }
        for tree in trees {
            self.tree(tree, source, namespace);
        }
    }

    fn tree(&mut self, tree: Tree, source: &Source, namespace: &str) {
        let Tree { value, places } = &tree;
        let at = |path: &str| places.at(path);
        let findings = &mut self.checked.findings;
        let kind = value.get("kind").and_then(Value::as_str);
        let what = kind.unwrap_or(if is_bootstrap(value) { "Envoy bootstrap" } else { "" });
        if kind.is_none() && value.get("apiVersion").is_none() {
            if is_bootstrap(value) {
                let bootstrap = from_bootstrap(value, &|path, _| at(path));
                self.plugins.extend(bootstrap.gateways().flat_map(|http| http.plugins().cloned()));
                if bootstrap.gateways().next().is_none() {
                    findings.push(Finding::new(at(""), super::ProxyFault::NoFilters));
                }
                proxy::check(&bootstrap, findings);
                *self.counts.entry(what.to_owned()).or_default() += 1;
                return;
            }
            if let Some(role) = role_of(value).filter(|_| !is_values(value)) {
                if let Some(fault) = plugin::configuration(role, value.to_string().as_bytes()) {
                    let origin = match &fault {
                        super::PluginFault::Configuration { field, .. } => at(&dotted(field)),
                        _ => at(""),
                    };
                    findings.push(Finding::new(origin, fault));
                }
                *self.counts.entry(format!("configuration of {role}")).or_default() += 1;
                return;
            }
        }
        versions::check(value, &at, findings);
        let own = match kind {
            Some("EnvoyFilter") => Some(envoy_filter(value, &at, &mut self.patches, findings)),
            Some("WasmPlugin" | "TrafficExtension") => {
                Some(wasm_plugin(value, &at, findings).into_iter().collect())
            }
            Some("EnvoyExtensionPolicy") => {
                Some(self.policies.extension(value, namespace, &at, findings))
            }
            Some("EnvoyPatchPolicy") => {
                self.policies.patch(value);
                let mut plugins = Vec::new();
                find_plugins(value, "", &|path, _| at(path), &mut plugins);
                plugins.iter().for_each(|one| plugin::check(one, findings));
                Some(plugins)
            }
            _ => None,
        };
        *self.counts.entry(what.to_owned()).or_default() += 1;
        if let Some(plugins) = own {
            self.plugins.extend(plugins);
            return;
        }
        if let Some(fault) = manifests::type_fault(&tree) {
            return self.fault(fault);
        }
        match manifests::understand(tree, source, namespace, &mut self.checked.notices) {
            Ok(document) => self.documents.extend(document),
            Err(fault) => self.fault(fault),
        }
    }

    fn finish(mut self) -> Checked {
        self.patches.check(&mut self.checked.findings);
        std::mem::take(&mut self.policies).check(&mut self.checked.findings);
        let documents = std::mem::take(&mut self.documents);
        match intent::build(documents, &Settings::default()) {
            Ok((intent, notices)) => {
                self.checked.notices.extend(notices);
                if intent != Intent::default() {
                    together::check(&self.plugins, &intent, &mut self.checked.findings);
                }
            }
            Err(faults) => faults.into_iter().for_each(|fault| self.fault(fault)),
        }
        self.checked.findings.sort();
        self.checked.findings.dedup();
        self.checked.notices.sort();
        let count = |(what, count): (&String, &usize)| match what.as_str() {
            "" => format!("{count} values of charts"),
            what => format!("{count} {what}"),
        };
        self.checked.seen = self.counts.iter().map(count).collect();
        self.checked
    }
}

/// Values of the charts, which have no key in common with the filters' configurations.
fn is_values(value: &Value) -> bool {
    [
        "inferencePool",
        "experimentalHttpRoute",
        "inferenceExtension",
        "provider",
        "inferenceGateway",
        "bbr",
    ]
    .iter()
    .any(|key| value.get(key).is_some())
}

/// `baseModels[0].name` as the places have it.
fn dotted(field: &str) -> String {
    field.replace('[', ".").replace(']', "").trim_matches('.').to_owned()
}
