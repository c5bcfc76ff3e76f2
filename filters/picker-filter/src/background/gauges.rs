//! The gauges of a pool and its endpoints, set by the VM that scrapes.

use std::collections::BTreeMap;

use filter_host::{BackgroundHost, MetricId, MetricKind};
use shared::pools::{EndpointId, Millis};
use shared::scheduling::Health;
use shared::snapshot::{EndpointSnapshot, Snapshot};

use crate::metrics::EndpointGauges;

/// The gauges of a pool's endpoints, defined when an endpoint is first seen.
#[derive(Default)]
pub(super) struct Gauges(BTreeMap<EndpointId, EndpointGauges>);

impl Gauges {
    /// Shows a snapshot.
    pub(super) fn show(
        &mut self,
        host: &impl BackgroundHost,
        define: fn(MetricKind, &str) -> Option<MetricId>,
        pool: &str,
        snapshot: &Snapshot,
        now: Millis,
    ) {
        for endpoint in &snapshot.endpoints {
            let gauges = self.0.entry(endpoint.id);
            let define = || EndpointGauges::define(pool, endpoint.id, define);
            show(host, *gauges.or_insert_with(define), endpoint, now);
        }
        // What has left shows as not ready and without a load, once; Envoy keeps its gauges.
        let there = &snapshot.endpoints;
        let is_there = |id| there.binary_search_by_key(&id, |endpoint| endpoint.id).is_ok();
        let left = self.0.iter().filter(|(id, _)| !is_there(**id));
        for gauge in left.flat_map(|(_, gauges)| gauges.of_a_living_endpoint()) {
            host.set(gauge, 0);
        }
        self.0.retain(|id, _| is_there(*id));
    }
}

fn show(
    host: &impl BackgroundHost,
    gauges: EndpointGauges,
    endpoint: &EndpointSnapshot,
    now: Millis,
) {
    let set = |gauge: Option<MetricId>, value: Option<u64>| {
        if let (Some(gauge), Some(value)) = (gauge, value) {
            host.set(gauge, value);
        }
    };
    let observation = endpoint.observation.as_ref();
    let age = |at| u64::try_from(now.since(at).as_millis()).unwrap_or(u64::MAX);
    set(gauges.waiting, observation.and_then(|o| o.waiting).map(u64::from));
    set(gauges.running, observation.and_then(|o| o.running).map(u64::from));
    set(gauges.kv_permille, observation.and_then(|o| o.kv_usage).map(permille));
    set(gauges.age_milliseconds, observation.map(|o| age(o.seen_at())));
    set(gauges.in_flight, Some(endpoint.in_flight.into()));
    set(gauges.ready, Some(u64::from(endpoint.health == Health::Ready)));
}

fn permille(share: f32) -> u64 {
    (share.clamp(0.0, 1.0) * 1_000.0) as u64
}
