//! Checks a running gateway through its Envoy's admin interface.
//!
//! Invariant: nothing is judged from one look alone that only a change can tell: whether
//! somebody scrapes shows in two looks at the counters. Rejected: reading the lease itself;
//! shared data is in no interface of Envoy.

mod fault;
mod filters;
mod pools;

use super::{Finding, proxy, versions};
use crate::admin::{Admin, AdminError, Hosts, Server, Stats};
use crate::diagnostics::Origin;
use crate::proxy::{Arrival, Dump, Proxy};
use std::path::Path;
use std::time::Duration;

pub use fault::RunningFault;

/// Between the two looks: the holder shows its gauges every second, and a lost lease is
/// taken over within four.
pub const LOOK: Duration = Duration::from_secs(2);

/// What was seen of a running gateway.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What Envoy is.
    pub server: Server,
    /// Its configuration.
    pub dump: Dump,
    /// Its hosts.
    pub hosts: Hosts,
    /// Its statistics, at first.
    pub before: Stats,
    /// Its statistics, a while later.
    pub after: Stats,
}

impl Seen {
    /// Looks twice, [`LOOK`] apart.
    ///
    /// # Errors
    /// No Envoy answers.
    pub fn look(admin: &Admin) -> Result<Self, AdminError> {
        let before = admin.stats()?;
        let (server, dump) = (admin.server()?, admin.configuration()?);
        std::thread::sleep(LOOK);
        Ok(Self { server, dump, hosts: admin.hosts()?, before, after: admin.stats()? })
    }
}

/// Checks what was seen. With `modules`, the modules that run are compared with those in
/// that folder.
#[must_use]
pub fn running(seen: &Seen, modules: Option<&Path>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |place: &str, fault: RunningFault| findings.push(at(place, fault));
    let Server { version, state, .. } = &seen.server;
    if state != "LIVE" {
        add("envoy", RunningFault::NotLive { state: state.clone() });
    }
    let mut expected = false;
    for arrival in &seen.dump.arrivals {
        let (place, fault) = arrived(arrival);
        // Other projects' filters come and go, too.
        let own = match arrival {
            Arrival::Missing { filter, .. } | Arrival::Replaced { filter, .. } => {
                crate::proxy::role_by_name([filter.as_str()]).is_some()
            }
            Arrival::Refused { .. } | Arrival::Draining { .. } => true,
        };
        if own {
            expected |= matches!(arrival, Arrival::Missing { .. } | Arrival::Replaced { .. });
            add(&place, fault);
        }
    }
    let proxy: &Proxy = &seen.dump.proxy;
    // Why there is none was said already if one should be there.
    if proxy.gateways().next().is_none() && !expected {
        findings.push(Finding::new(place("envoy"), super::ProxyFault::NoFilters));
    }
    proxy::check(proxy, &mut findings);
    if versions::is_old_envoy(version) {
        let fault =
            versions::VersionFault::Envoy { what: "this".to_owned(), version: version.clone() };
        findings.push(Finding::new(place("envoy"), fault));
    }
    filters::check(seen, modules, &mut findings);
    pools::check(seen, &mut findings);
    findings.sort();
    findings.dedup();
    findings
}

fn arrived(arrival: &Arrival) -> (String, RunningFault) {
    match arrival {
        Arrival::Refused { listener, reason } => {
            (format!("listener {listener}"), RunningFault::Refused { reason: reason.clone() })
        }
        Arrival::Draining { listener } => (format!("listener {listener}"), RunningFault::Draining),
        Arrival::Missing { filter, listener } => {
            (format!("listener {listener}, filter {filter}"), RunningFault::NotArrived)
        }
        Arrival::Replaced { filter, refuses } => {
            let fault =
                if *refuses { RunningFault::Replaced } else { RunningFault::ReplacedOpenly };
            (format!("filter {filter}"), fault)
        }
    }
}

fn place(label: &str) -> Origin {
    Origin { file: label.into(), line: 0 }
}

fn at(label: &str, fault: RunningFault) -> Finding {
    Finding::new(place(label), fault)
}

#[cfg(test)]
mod tests;
