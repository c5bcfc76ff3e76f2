//! How often each endpoint was picked, as counters of Envoy.
//!
//! Every VM tells its own picks; Envoy adds them up, since all VMs define the same
//! counters. Defined at an endpoint's first pick, so that endpoints nobody picks cost none.

use std::collections::BTreeMap;

use filter_host::{BackgroundHost, MetricId, MetricKind};
use shared::pools::EndpointId;

use super::Moment;

#[derive(Default)]
pub(super) struct Picks(BTreeMap<(usize, EndpointId), Told>);

/// What Envoy was told of an endpoint.
struct Told {
    counter: Option<MetricId>,
    picks: u64,
}

impl Picks {
    /// Tells the host what came since the last time.
    pub(super) fn flush<H: BackgroundHost>(
        &mut self,
        moment: &Moment<'_, H>,
        define: fn(MetricKind, &str) -> Option<MetricId>,
    ) {
        for (place, pool) in moment.vm.settings.pools.iter().enumerate() {
            let picked = moment.vm.with_pool(place, |known, _| {
                let picked = known.endpoints().iter().filter(|endpoint| endpoint.picks > 0);
                picked.map(|endpoint| (endpoint.id, endpoint.picks)).collect::<Vec<_>>()
            });
            let picked = picked.unwrap_or_default();
            // An endpoint that leaves and comes back counts from 0 again.
            let is_picked =
                |id: &EndpointId| picked.binary_search_by_key(id, |(id, _)| *id).is_ok();
            self.0.retain(|(of, id), _| *of != place || is_picked(id));
            for (id, picks) in picked {
                let told = self.0.entry((place, id)).or_insert_with(|| {
                    let name =
                        format!("igw_picker_endpoint_picks.pool.{}.endpoint.{id}", pool.name);
                    Told { counter: define(MetricKind::Counter, &name), picks: 0 }
                });
                let new = picks.checked_sub(told.picks).unwrap_or(picks);
                told.picks = picks;
                told.counter.into_iter().for_each(|counter| moment.host.add(counter, new));
            }
        }
    }
}
