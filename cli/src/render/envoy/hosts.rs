//! Virtual hosts: which routes belong to which host of a port.
//!
//! Invariant: a host has the routes for it and, behind them, those for wider hosts; for
//! Envoy looks into the most specific virtual host only.

use super::{fill, routes, scalar};
use crate::intent::{Intent, Listener, Protocol, Route};
use crate::render::{Options, RenderError};
use std::cmp::Reverse;
use std::collections::BTreeSet;

const HOST: &str = include_str!("host.yaml");

/// The virtual hosts of all HTTP listeners on `port`.
pub(super) fn render(intent: &Intent, options: &Options, port: u16) -> Result<String, RenderError> {
    let attached: Vec<(&Route, BTreeSet<String>)> =
        intent.routes.iter().map(|route| (route, domains(intent, route, port))).collect();
    let mut all: BTreeSet<&str> =
        attached.iter().flat_map(|(_, domains)| domains.iter().map(String::as_str)).collect();
    all.insert("*");
    let mut text = String::new();
    for domain in all {
        // How narrow the host is by which a route comes here; none: it does not.
        let width = |route: &Route| {
            let (_, domains) = attached.iter().find(|(one, _)| one.name == route.name)?;
            domains.iter().filter(|wide| covers(wide, domain)).map(|wide| rank(wide)).max()
        };
        let mut matches: Vec<_> = intent
            .ordered_matches()
            .into_iter()
            .filter_map(|one| Some((width(one.route)?, one)))
            .collect();
        // Stable: within one host the order stays that of the matches.
        matches.sort_by_key(|(width, _)| Reverse(*width));
        let mut list = String::new();
        for (_, one) in matches {
            list += &routes::render(intent, options, &one)?;
        }
        let name = if domain == "*" { "any" } else { domain };
        let name = scalar(&format!("{name}-{port}"));
        let domain = scalar(domain);
        text += &fill(HOST, &[("NAME", name), ("DOMAIN", domain), ("ROUTES", list)])?;
    }
    Ok(text)
}

/// The hosts for which `route` is attached to HTTP listeners on `port`.
fn domains(intent: &Intent, route: &Route, port: u16) -> BTreeSet<String> {
    let mut domains = BTreeSet::new();
    for parent in &route.parents {
        let gateways = intent.gateways.iter().filter(|gateway| gateway.name == parent.gateway);
        for listener in gateways.flat_map(|gateway| &gateway.listeners) {
            if parent.means(listener)
                && listener.port == port
                && listener.protocol == Protocol::Http
            {
                domains.extend(common(listener, route));
            }
        }
    }
    domains
}

fn common(listener: &Listener, route: &Route) -> Vec<String> {
    let own = listener.hostname.as_deref().unwrap_or("*");
    if route.hostnames.is_empty() {
        return vec![own.to_owned()];
    }
    let narrower = |host: &String| {
        if covers(own, host) {
            Some(host.clone())
        } else {
            covers(host, own).then(|| own.to_owned())
        }
    };
    route.hostnames.iter().filter_map(narrower).collect()
}

/// Whether every host that `narrow` stands for is one of `wide`'s.
fn covers(wide: &str, narrow: &str) -> bool {
    match wide.strip_prefix('*') {
        Some("") => true,
        Some(end) => narrow.strip_prefix('*').unwrap_or(narrow).ends_with(end),
        None => wide == narrow,
    }
}

/// Exact hosts before wildcards, longer ones before shorter ones.
fn rank(domain: &str) -> (bool, usize) {
    (!domain.starts_with('*'), domain.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_covers_hosts_below_it_and_itself() {
        assert!(covers("*", "a.b") && covers("*", "*") && covers("*.b", "a.b"));
        assert!(covers("*.b", "*.a.b") && covers("*.b", "*.b") && covers("a.b", "a.b"));
        assert!(!covers("*.b", "b") && !covers("a.b", "*.b") && !covers("a.b", "c.b"));
        assert!(!covers("*.b", "*"));
    }
}
