//! Pools: whether somebody scrapes, and whether picker and cluster know the same endpoints.

use super::{LOOK, RunningFault, Seen, at};
use crate::check::Finding;
use crate::proxy::Role;
use shared::picker::{EndpointSource, PoolSettings, Settings};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

pub(super) fn check(seen: &Seen, findings: &mut Vec<Finding>) {
    // Two listeners may have the same picker.
    let mut configurations = BTreeMap::new();
    for plugin in seen.dump.proxy.gateways().flat_map(|http| http.plugins()) {
        if plugin.role == Role::Picker
            && let Ok(settings) = plugin.picker()
        {
            configurations.insert(&plugin.text, settings);
        }
    }
    for settings in configurations.values() {
        of_picker(seen, settings, findings);
    }
}

/// What the scrapes of a pool came to between the two looks.
#[derive(PartialEq, Eq)]
enum Scrapes {
    /// Nobody scraped.
    None,
    /// All failed.
    Fail,
    /// Some brought metrics.
    Work,
}

fn of_picker(seen: &Seen, settings: &Settings, findings: &mut Vec<Finding>) {
    // Without metrics, or without endpoints, nothing can be said of scrapes.
    let watched: Vec<&PoolSettings> = settings
        .pools
        .iter()
        .filter(|pool| seen.after.own(&format!("igw_picker_scrapes.pool.{}", pool.name)).is_some())
        .filter(|pool| !endpoints(seen, pool).is_empty())
        .collect();
    let scraped = |pool: &&PoolSettings| scrapes(seen, &pool.name);
    let nobody = !watched.is_empty()
        && settings.scrape.interval + settings.scrape.timeout < LOOK * 2
        && watched.iter().all(|pool| scraped(pool) == Scrapes::None);
    if nobody {
        let seconds = LOOK.as_secs();
        findings.push(at("picker", RunningFault::NoLease { seconds }));
    }
    for pool in &settings.pools {
        let place = format!("pool {}", pool.name);
        let mut add = |fault: RunningFault| findings.push(at(&place, fault));
        let dead = watched.iter().any(|one| one.name == pool.name)
            && scrapes(seen, &pool.name) == Scrapes::Fail;
        if dead {
            add(RunningFault::NoFreshMetrics);
        }
        let ready = seen.after.own(&format!("igw_picker_ready_endpoints.pool.{}", pool.name));
        if ready == Some(0) && !endpoints(seen, pool).is_empty() {
            add(RunningFault::NoneReady { fails_open: pool.fail_open });
        }
        membership(seen, pool, &mut add);
        // The pool's own finding says it for all of its endpoints.
        if !nobody && !dead {
            ages(seen, pool, &mut add);
        }
    }
}

fn scrapes(seen: &Seen, pool: &str) -> Scrapes {
    let grew = |name: &str| {
        let name = format!("igw_picker_{name}.pool.{pool}");
        seen.after.own(&name) > seen.before.own(&name)
    };
    match (grew("scrapes"), grew("scrape_failures")) {
        (true, _) => Scrapes::Work,
        (false, true) => Scrapes::Fail,
        (false, false) => Scrapes::None,
    }
}

/// The cluster's endpoints; the configured ones, if it has none.
fn endpoints(seen: &Seen, pool: &PoolSettings) -> BTreeSet<SocketAddr> {
    let hosts = seen.hosts.get(&pool.cluster).into_iter().flat_map(BTreeMap::keys).copied();
    let mut all: BTreeSet<SocketAddr> = hosts.collect();
    if let EndpointSource::Listed(list) = &pool.endpoints {
        all.extend(list.iter().map(|id| id.addr()));
    }
    all
}

fn membership(seen: &Seen, pool: &PoolSettings, add: &mut impl FnMut(RunningFault)) {
    let cluster = || pool.cluster.clone();
    let hosts = seen.hosts.get(&pool.cluster);
    let hosts = hosts.cloned().unwrap_or_default();
    if hosts.is_empty() {
        add(RunningFault::NoEndpoints { cluster: cluster() });
    }
    let shown = seen.after.endpoints(&pool.name);
    let listed: Option<BTreeSet<SocketAddr>> = match &pool.endpoints {
        EndpointSource::Listed(list) => Some(list.iter().map(|id| id.addr()).collect()),
        EndpointSource::EnvoyAdmin(_) => None,
    };
    // What has left is still shown, as not ready.
    let ready = shown.iter().filter(|(_, gauges)| gauges.ready == Some(true)).map(|(id, _)| *id);
    let known: BTreeSet<SocketAddr> =
        listed.clone().unwrap_or_default().into_iter().chain(ready).collect();
    for endpoint in known.iter().filter(|endpoint| !hosts.contains_key(endpoint)) {
        add(RunningFault::UnknownToCluster { endpoint: *endpoint, cluster: cluster() });
    }
    for (endpoint, host) in &hosts {
        let is_known = match &listed {
            Some(listed) => listed.contains(endpoint),
            // Without any metric nothing can be said.
            None => shown.is_empty() || shown.contains_key(endpoint),
        };
        if !is_known {
            add(RunningFault::UnknownToPicker { endpoint: *endpoint, cluster: cluster() });
        }
        if !host.troubles.is_empty() {
            let troubles = host.troubles.join(", ");
            add(RunningFault::Unhealthy { endpoint: *endpoint, troubles });
        }
    }
}

fn ages(seen: &Seen, pool: &PoolSettings, add: &mut impl FnMut(RunningFault)) {
    let limit = pool.profile.staleness.stale_after.as_millis();
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let endpoints = endpoints(seen, pool);
    for (endpoint, gauges) in seen.after.endpoints(&pool.name) {
        if !endpoints.contains(&endpoint) {
            continue;
        }
        match gauges.age_milliseconds {
            None => add(RunningFault::NeverScraped { endpoint }),
            Some(age) if age >= limit => add(RunningFault::Stale { endpoint, age, limit }),
            Some(_) => {}
        }
    }
}
