//! Whether plugins and manifests of one set say the same.
//!
//! Invariant: a set may be a part of what is applied, so what one side lacks is a warning.

use super::Finding;
use crate::intent::Intent;
use crate::proxy::{Plugin, Role};
use shared::models;

/// The manifests say one thing, a plugin's configuration another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum SetFault {
    /// BBR does not know a model.
    #[error("bbr does not know {model:?}, which {origin} names as {what}")]
    UnknownModel {
        /// The model.
        model: String,
        /// A base model or an adapter, of which.
        what: String,
        /// Where it is named.
        origin: String,
    },
    /// BBR knows a model as something else.
    #[error("bbr has {model:?} as {own}, {origin} as {what}")]
    OtherRole {
        /// The model.
        model: String,
        /// What BBR takes it for.
        own: String,
        /// What the manifests say.
        what: String,
        /// Where.
        origin: String,
    },
    /// The picker does not know a pool that routes lead to.
    #[error(
        "the picker does not know InferencePool {pool}, defined at {origin}: Envoy balances its requests by itself"
    )]
    UnknownPool {
        /// The pool.
        pool: String,
        /// Where it is defined.
        origin: String,
    },
}

impl SetFault {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        "render the plugins again from these manifests (igw import)".to_owned()
    }
}

/// Compares plugins with what the manifests mean.
pub(super) fn check(plugins: &[Plugin], intent: &Intent, findings: &mut Vec<Finding>) {
    for plugin in plugins {
        match plugin.role {
            Role::Bbr => bbr(plugin, intent, findings),
            Role::Picker => picker(plugin, intent, findings),
        }
    }
}

fn bbr(plugin: &Plugin, intent: &Intent, findings: &mut Vec<Finding>) {
    let Ok(settings) = plugin.bbr() else { return };
    for base in &intent.catalog.bases {
        let adapters =
            base.adapters.iter().map(|name| (name, format!("an adapter of {:?}", base.name)));
        for (model, what) in adapters.chain([(&base.name, "a base model".to_owned())]) {
            let origin = base.origin.to_string();
            let fault = match settings.catalog.get(model) {
                None => SetFault::UnknownModel { model: model.clone(), what, origin },
                Some((_, role)) => {
                    let own = match role {
                        models::Role::Base => "a base model".to_owned(),
                        models::Role::Adapter(base) => format!("an adapter of {:?}", base.as_str()),
                    };
                    if own == what {
                        continue;
                    }
                    SetFault::OtherRole { model: model.clone(), own, what, origin }
                }
            };
            findings.push(Finding::new(plugin.origin.clone(), fault));
        }
    }
}

fn picker(plugin: &Plugin, intent: &Intent, findings: &mut Vec<Finding>) {
    let Ok(settings) = plugin.picker() else { return };
    for pool in crate::render::envoy::routed(intent) {
        // Elsewhere than on plain Envoy a cluster's name has the pool's in it.
        let known = settings
            .pools
            .iter()
            .any(|own| own.name == pool.id || own.cluster.contains(&pool.name.name));
        if !known {
            let (name, origin) = (pool.name.to_string(), pool.origin.to_string());
            let fault = SetFault::UnknownPool { pool: name, origin };
            findings.push(Finding::new(plugin.origin.clone(), fault));
        }
    }
}
