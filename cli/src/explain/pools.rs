//! From the virtual host to the endpoints.

use super::{Case, Destination, EndpointReport, PoolReport, Running, Tried};
use crate::proxy::matching::{Request, Verdict};
use crate::proxy::{Action, Http, Role, VirtualHost};
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Finds the route that takes the request, and where it leads.
pub(super) fn follow(
    running: Running<'_>,
    http: &Http,
    host: &VirtualHost,
    request: &Request,
    case: &mut Case,
) {
    for route in &host.routes {
        let verdict = route.verdict(request);
        let perhaps = matches!(verdict, Verdict::Perhaps(_));
        let why = match (&case.route, verdict) {
            (_, Verdict::No(reason)) => Some(reason.to_string()),
            (_, Verdict::Perhaps(what)) => Some(format!("{what} cannot be judged from outside")),
            (Some(_), Verdict::Yes) => Some("it would, but an earlier one does".to_owned()),
            (None, Verdict::Yes) => None,
        };
        let takes = why.is_none();
        case.tried.push(Tried { route: route.name.clone(), takes, perhaps, why });
        if takes {
            case.route = Some(route.name.clone());
            case.destination = Some(destination(running, http, request, &route.action));
        }
    }
    if case.route.is_none() {
        case.says.push("no route takes it, so Envoy answers 404".to_owned());
    }
}

fn destination(
    running: Running<'_>,
    http: &Http,
    request: &Request,
    action: &Action,
) -> Destination {
    let clusters = match action {
        Action::Clusters(clusters) => clusters.clone(),
        Action::ByHeader(header) => {
            let named = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(header));
            match named {
                Some((_, cluster)) => vec![(cluster.clone(), 1)],
                None => {
                    return Destination::Other {
                        how: format!("header {header}, which is not there"),
                    };
                }
            }
        }
        Action::Answer(status) => return Destination::Answer { status: *status },
        Action::Redirect => return Destination::Other { how: "a redirect".to_owned() },
        Action::Other => return Destination::Other { how: "an action not known here".to_owned() },
    };
    let total: u64 = clusters.iter().map(|(_, weight)| weight).sum();
    let pools = clusters.iter().filter(|(_, weight)| *weight > 0).map(|(cluster, weight)| {
        let share = *weight as f64 / total.max(1) as f64;
        pool(running, http, cluster, share)
    });
    Destination::Pools { pools: pools.collect() }
}

fn pool(running: Running<'_>, http: &Http, cluster: &str, share: f64) -> PoolReport {
    let picker = http.plugins().find(|plugin| plugin.role == Role::Picker);
    let settings = picker.and_then(|plugin| plugin.picker().ok());
    let pool = settings.as_ref().and_then(|settings| settings.pool_of(cluster));
    let pool = pool.map(|(_, pool)| pool);
    let name = pool.map(|pool| pool.name.clone());
    let stale = pool.map_or(u128::MAX, |pool| pool.profile.staleness.stale_after.as_millis());
    let shown = name.as_deref().map(|name| running.stats.endpoints(name)).unwrap_or_default();
    let nothing = std::collections::BTreeMap::new();
    let hosts = running.hosts.get(cluster).unwrap_or(&nothing);
    // An endpoint that has left is still shown, as not ready.
    let known = shown.iter().filter(|(_, gauges)| gauges.ready == Some(true));
    let all: BTreeSet<SocketAddr> = hosts.keys().chain(known.map(|(id, _)| id)).copied().collect();
    let endpoint = |endpoint: SocketAddr| {
        let gauges = shown.get(&endpoint).copied().unwrap_or_default();
        let host = hosts.get(&endpoint);
        let mut troubles = host.map(|host| host.troubles.clone()).unwrap_or_default();
        if host.is_none() {
            troubles.push("not in the cluster".to_owned());
        }
        if name.is_some() && gauges.ready != Some(true) {
            troubles.push("the picker does not take it for ready".to_owned());
        }
        if gauges.age_milliseconds.is_some_and(|age| u128::from(age) > stale) {
            troubles.push("its metrics are stale".to_owned());
        }
        EndpointReport {
            endpoint,
            ready: gauges.ready,
            troubles,
            waiting: gauges.waiting,
            running: gauges.running,
            kv_permille: gauges.kv_permille,
            in_flight: gauges.in_flight.or(host.map(|host| host.active)),
            age_milliseconds: gauges.age_milliseconds,
        }
    };
    let endpoints = all.into_iter().map(endpoint).collect();
    PoolReport { cluster: cluster.to_owned(), share, pool: name, endpoints }
}
