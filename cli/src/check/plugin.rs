//! A plugin's own configuration and the fields around it.

use super::{Finding, Severity};
use crate::proxy::{Plugin, Role};

/// What is wrong with a plugin.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum PluginFault {
    /// The filter would refuse its configuration.
    #[error("{role} configuration: {field}: {problem}")]
    Configuration {
        /// Which filter.
        role: Role,
        /// The field.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The flag without which Envoy never shows a body to the filter.
    #[error(
        "{role} has no allow_on_headers_stop_iteration: Envoy keeps bodies to itself, and every request with a body is answered 500"
    )]
    FlagMissing {
        /// Which filter.
        role: Role,
    },
    /// A failed filter lets requests through.
    #[error(
        "{role} fails open: while it is down, requests pass unread and clients can set its headers"
    )]
    FailsOpen {
        /// Which filter.
        role: Role,
    },
    /// A trapped VM stays away.
    #[error(
        "{role} has failure policy {policy}: a VM that trapped answers 503 until Envoy restarts"
    )]
    NeverReloads {
        /// Which filter.
        role: Role,
        /// The policy.
        policy: String,
    },
    /// The module may change under the same name.
    #[error("{role}: {module} is a tag, which can move")]
    NotPinned {
        /// Which filter.
        role: Role,
        /// The module.
        module: String,
    },
}

impl PluginFault {
    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::Configuration { .. } | Self::FlagMissing { .. } => Severity::Error,
            Self::FailsOpen { .. } | Self::NeverReloads { .. } | Self::NotPinned { .. } => {
                Severity::Warning
            }
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Configuration { role, .. } => {
                format!("docs/configuration.md has the fields of {role}")
            }
            Self::FlagMissing { .. } => {
                "add allow_on_headers_stop_iteration: true beside vm_config".to_owned()
            }
            Self::FailsOpen { .. } | Self::NeverReloads { .. } => {
                "set failure_policy: FAIL_RELOAD".to_owned()
            }
            Self::NotPinned { .. } => {
                "name the image by its digest, …@sha256:… (cargo xtask publish prints it)"
                    .to_owned()
            }
        }
    }
}

/// Checks a plugin.
pub(super) fn check(plugin: &Plugin, findings: &mut Vec<Finding>) {
    let role = plugin.role;
    let mut add = |fault: PluginFault| findings.push(Finding::new(plugin.origin.clone(), fault));
    if let Some(fault) = configuration(role, plugin.text.as_bytes()) {
        add(fault);
    }
    // The picker never holds headers.
    if role == Role::Bbr && !plugin.holds_headers {
        add(PluginFault::FlagMissing { role });
    }
    match plugin.failure_policy.as_deref() {
        Some("FAIL_RELOAD") => {}
        // As a pool that fails open: without the picker Envoy balances by itself.
        Some("FAIL_OPEN") if role == Role::Picker => {}
        Some("FAIL_OPEN") => add(PluginFault::FailsOpen { role }),
        policy => {
            let policy = policy.unwrap_or("FAIL_CLOSED (the default)").to_owned();
            add(PluginFault::NeverReloads { role, policy });
        }
    }
    if !plugin.pinned {
        add(PluginFault::NotPinned { role, module: plugin.module.clone() });
    }
}

/// What the filter would say of this configuration; nothing if it accepts it.
pub(super) fn configuration(role: Role, json: &[u8]) -> Option<PluginFault> {
    let refused = match role {
        Role::Bbr => shared::bbr::Settings::from_json(json).err(),
        Role::Picker => shared::picker::Settings::from_json(json).err(),
    };
    refused.map(|error| PluginFault::Configuration {
        role,
        field: error.field,
        problem: error.problem,
    })
}
