//! VMs and modules.
//!
//! Invariant: which module and which configuration a VM runs is judged by the metrics it
//! defined, since a VM defines those of its own configuration when it starts, and the
//! configuration dump says only what it should run.

use super::{RunningFault, Seen, at};
use crate::check::Finding;
use crate::proxy::{Plugin, Role};
use sha2::{Digest, Sha256};
use shared::bbr::Outcome;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

pub(super) fn check(seen: &Seen, modules: Option<&Path>, findings: &mut Vec<Finding>) {
    let stats = &seen.after;
    let gateways = seen.dump.proxy.gateways();
    let plugins: Vec<&Plugin> = gateways.flat_map(|http| http.plugins()).collect();
    for (plugin, count) in stats.of_vms("vm_reload_failure").filter(|(_, count)| *count > 0) {
        let plugin = plugin.to_owned();
        findings.push(at("VMs", RunningFault::ReloadsFailed { plugin, count }));
    }
    for (plugin, count) in stats.of_vms("vm_reload_success").filter(|(_, count)| *count > 0) {
        let plugin = plugin.to_owned();
        findings.push(at("VMs", RunningFault::Reloads { plugin, count }));
    }
    vms(seen, &plugins, findings);
    if let Some(count) = stats.own("igw_bbr_requests.outcome.body_withheld").filter(|n| *n > 0) {
        findings.push(at("bbr", RunningFault::BodiesWithheld { count }));
    }
    for role in [Role::Bbr, Role::Picker] {
        let own: Vec<&&Plugin> = plugins.iter().filter(|plugin| plugin.role == role).collect();
        let files: BTreeSet<&str> = own.iter().map(|plugin| plugin.module.as_str()).collect();
        if files.len() > 1 {
            let modules = files.into_iter().map(str::to_owned).collect();
            findings.push(at(&role.to_string(), RunningFault::Modules { role, modules }));
        }
        if own.is_empty() {
            continue;
        }
        if !stats.has_own(&format!("igw_{role}_")) {
            findings.push(at(&role.to_string(), RunningFault::Silent { role }));
            continue;
        }
        for plugin in own {
            if let Some(fault) = metrics(seen, plugin) {
                findings.push(Finding::new(plugin.origin.clone(), fault));
            }
            if let Some(fault) = modules.and_then(|folder| other_module(plugin, folder)) {
                findings.push(Finding::new(plugin.origin.clone(), fault));
            }
        }
    }
}

/// One VM per plugin on each worker and on the main thread.
fn vms(seen: &Seen, plugins: &[&Plugin], findings: &mut Vec<Finding>) {
    let distinct: BTreeMap<(&str, &str, &str), ()> = plugins
        .iter()
        .map(|plugin| ((plugin.vm_id.as_str(), plugin.module.as_str(), plugin.text.as_str()), ()))
        .collect();
    let plugins = distinct.len() as u64;
    let workers = seen.server.workers;
    let wanted = plugins * (workers + 1);
    if let Some(active) = seen.after.get("wasm.envoy.wasm.runtime.v8.active")
        && active < wanted
        && workers > 0
    {
        findings.push(at("VMs", RunningFault::FewVms { active, plugins, workers, wanted }));
    }
}

/// Compares the metrics that there are with those that the configuration makes.
fn metrics(seen: &Seen, plugin: &Plugin) -> Option<RunningFault> {
    let role = plugin.role;
    let lacks = |name: &str| seen.after.own(name).is_none();
    match role {
        Role::Bbr => {
            let settings = plugin.bbr().ok()?;
            let models = settings.catalog.iter().map(|(name, _)| name.as_str());
            let mut unknown =
                models.filter(|name| lacks(&format!("igw_bbr_model_requests.model.{name}")));
            if let Some(missing) = unknown.next() {
                return Some(RunningFault::OldVm { role, missing: missing.to_owned() });
            }
            let mut outcomes =
                Outcome::ALL.iter().map(|one| format!("igw_bbr_requests.outcome.{}", one.label()));
            let missing = outcomes.find(|name| lacks(name))?;
            Some(RunningFault::OldModule { role, missing })
        }
        Role::Picker => {
            let settings = plugin.picker().ok()?;
            let pools = settings.pools.iter().map(|pool| &pool.name);
            let mut unknown =
                pools.filter(|name| lacks(&format!("igw_picker_scrapes.pool.{name}")));
            let missing = unknown.next()?.clone();
            Some(RunningFault::OldVm { role, missing })
        }
    }
}

/// Compares a module that lies in a file with the one in `folder`.
fn other_module(plugin: &Plugin, folder: &Path) -> Option<RunningFault> {
    let role = plugin.role;
    let expected = folder.join(format!("{role}-filter.wasm"));
    let digest = |path: &Path| fs::read(path).ok().map(|bytes| Sha256::digest(&bytes));
    // A URL's digest is the manifest's, not the module's.
    let (runs, wanted) = (digest(Path::new(&plugin.module))?, digest(&expected)?);
    let (module, expected) = (plugin.module.clone(), expected.display().to_string());
    (runs != wanted).then_some(RunningFault::OtherModule { role, module, expected })
}
