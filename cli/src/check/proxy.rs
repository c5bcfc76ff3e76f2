//! A proxy's configuration as a whole: the filters' order, buffers, clusters, routes.

mod fault;

use super::{Finding, plugin};
use crate::explain::{self, Question, Running};
use crate::proxy::{Condition, FilterKind, Http, Plugin, Proxy, Role, Text};
use shared::picker::EndpointSource;
use std::collections::BTreeSet;

pub use fault::ProxyFault;

/// Envoy's buffer limit if the listener has none.
const DEFAULT_BUFFER: u64 = 1 << 20;
/// How much the buffer limit should be above the largest body: Envoy counts whole reads.
const ROOM: u64 = 1 << 20;
/// Where requests for models usually go.
const PATH: &str = "/v1/chat/completions";

/// So many paths of routes are tried at most.
const MOST_PATHS: usize = 64;

/// Checks every manager of a proxy that has filters of this project.
pub(super) fn check(proxy: &Proxy, findings: &mut Vec<Finding>) {
    for http in proxy.gateways() {
        http.plugins().for_each(|one| plugin::check(one, findings));
        let mut add = |fault: ProxyFault| findings.push(Finding::new(http.origin.clone(), fault));
        order(http, &mut add);
        let own = |role| http.plugins().find(|plugin: &&Plugin| plugin.role == role);
        let (bbr, picker) = (own(Role::Bbr), own(Role::Picker));
        match (bbr, picker) {
            (Some(_), None) => {
                add(ProxyFault::OneFilter { there: Role::Bbr, missing: Role::Picker })
            }
            (None, Some(picker)) if shows_status(http, picker) => {}
            (None, Some(_)) => {
                add(ProxyFault::OneFilter { there: Role::Picker, missing: Role::Bbr })
            }
            _ => {}
        }
        if let Some(settings) = bbr.and_then(|plugin| plugin.bbr().ok()) {
            buffers(http, settings.max_body_bytes, &mut add);
            if let Some((bbr, picker)) = bbr.zip(picker)
                && settings.learn_adapters
                && bbr.vm_id != picker.vm_id
            {
                add(ProxyFault::VmIds { bbr: bbr.vm_id.clone(), picker: picker.vm_id.clone() });
            }
            routes(proxy, http, &settings, &mut add);
        }
        if let Some(settings) = picker.and_then(|plugin| plugin.picker().ok()) {
            clusters(proxy, &settings, &mut add);
        }
    }
}

/// Whether the manager is there for the picker's status page: its route is among the routes.
fn shows_status(http: &Http, picker: &Plugin) -> bool {
    let status = picker.picker().ok().and_then(|settings| settings.status);
    let Some(route) = status.and_then(|status| status.route) else { return false };
    let hosts = http.routes.iter().flat_map(|table| &table.hosts);
    hosts.flat_map(|host| &host.routes).any(|one| one.name == route)
}

fn order(http: &Http, add: &mut impl FnMut(ProxyFault)) {
    let place = |wanted: &dyn Fn(&FilterKind) -> bool| {
        http.filters.iter().position(|filter| wanted(&filter.kind))
    };
    let own = |role| place(&|kind| matches!(kind, FilterKind::Own(plugin) if plugin.role == role));
    let router = place(&|kind| matches!(kind, FilterKind::Router));
    let (bbr, picker) = (own(Role::Bbr), own(Role::Picker));
    let pairs = [
        ("bbr", bbr, "picker", picker),
        ("picker", picker, "the router", router),
        ("bbr", bbr, "the router", router),
    ];
    for (first, one, second, other) in pairs {
        if let Some((one, other)) = one.zip(other)
            && one > other
        {
            add(ProxyFault::Order { first, second });
        }
    }
    if let Some((bbr, picker)) = bbr.zip(picker)
        && picker == bbr + 1
    {
        add(ProxyFault::NothingBetween);
    }
    for filter in &http.filters {
        if matches!(filter.kind, FilterKind::ExternalProcessor) {
            add(ProxyFault::ExternalProcessor { name: filter.name.clone() });
        }
    }
}

fn buffers(http: &Http, body: u64, add: &mut impl FnMut(ProxyFault)) {
    let hosts = http.routes.iter().flat_map(|table| &table.hosts);
    // A virtual host's own limit replaces the listener's.
    let limits = hosts.map(|host| host.buffer.or(http.buffer).unwrap_or(DEFAULT_BUFFER));
    let limit = limits.min().or(http.buffer).unwrap_or(DEFAULT_BUFFER);
    if limit < body {
        add(ProxyFault::BufferTooSmall { limit, body });
    }
    if let Some(window) = http.window.filter(|window| *window < body) {
        add(ProxyFault::WindowTooSmall { window, body });
    }
}

fn clusters(proxy: &Proxy, settings: &shared::picker::Settings, add: &mut impl FnMut(ProxyFault)) {
    let mut known = |field, name: &str| {
        let cluster = proxy.clusters.get(name);
        if cluster.is_none() && !proxy.more_clusters {
            add(ProxyFault::UnknownCluster { field, cluster: name.to_owned() });
        }
        cluster
    };
    let mut faults = Vec::new();
    for pool in &settings.pools {
        if let Some(cluster) = known("a pool's cluster", &pool.cluster)
            && !cluster.overrides_host
        {
            let (cluster, pool) = (cluster.name.clone(), pool.name.clone());
            faults.push(ProxyFault::NoOverride { cluster, pool });
        }
        if let EndpointSource::EnvoyAdmin(admin) = &pool.endpoints {
            known("endpoints.envoyAdmin", admin);
        }
    }
    if !settings.pools.is_empty()
        && let Some(cluster) = known("scrape.cluster", &settings.scrape.cluster)
        && !cluster.reaches_any
    {
        faults.push(ProxyFault::ScrapeCluster { cluster: cluster.name.clone() });
    }
    faults.into_iter().for_each(add);
}

/// Every model that BBR knows should lead to a pool.
fn routes(
    proxy: &Proxy,
    http: &Http,
    settings: &shared::bbr::Settings,
    add: &mut impl FnMut(ProxyFault),
) {
    let Some(table) = &http.routes else { return };
    let models = settings.catalog.iter().map(|(name, _)| name.as_str());
    let rewritten = settings.rewrites.keys().map(|name| name.as_str());
    let targets = |name: &str| {
        // The target of a rewrite is asked for under that name only.
        settings
            .rewrites
            .values()
            .any(|r| r.split.targets().iter().any(|t| t.model.as_str() == name))
    };
    for model in models.filter(|name| !targets(name)).chain(rewritten) {
        if !leads_somewhere(proxy, http, table, model) {
            add(ProxyFault::NoRoute { model: model.to_owned() });
        }
    }
}

/// Whether any virtual host has a way to a cluster for this model.
fn leads_somewhere(
    proxy: &Proxy,
    http: &Http,
    table: &crate::proxy::RouteTable,
    model: &str,
) -> bool {
    let (hosts, stats) = Default::default();
    let running = Running { proxy, hosts: &hosts, stats: &stats };
    let domains = table.hosts.iter().flat_map(|host| &host.domains);
    let hosts: BTreeSet<String> = domains.map(|domain| domain.replace('*', "x")).collect();
    let paths = paths(table);
    let mut questions = hosts.iter().flat_map(|host| paths.iter().map(move |path| (host, path)));
    questions.any(|(host, path)| {
        let (host, path) = (host.clone(), path.clone());
        let (model, method) = (model.to_owned(), "POST".to_owned());
        let question = Question { model, path, method, host, headers: Vec::new() };
        explain::leads_to_pool(running, http, &question)
    })
}

/// Paths that routes ask for, with and without what usually follows.
fn paths(table: &crate::proxy::RouteTable) -> BTreeSet<String> {
    let routes = table.hosts.iter().flat_map(|host| &host.routes);
    let asked =
        routes.flat_map(|route| &route.conditions).filter_map(|condition| match condition {
            Condition::Path(Text::Exact(path) | Text::Prefix(path)) | Condition::Below(path) => {
                Some(path.trim_end_matches('/'))
            }
            _ => None,
        });
    let asked: BTreeSet<&str> = asked.take(MOST_PATHS).collect();
    let both = asked.into_iter().flat_map(|path| [path.to_owned(), format!("{path}{PATH}")]);
    both.chain([PATH.to_owned()]).collect()
}
