//! What every VM does: takes over what the holder published, reports what it knows.
//!
//! Invariant: of its own requests a VM counts itself, of the others' what the snapshot
//! says without its own part in it.

use std::time::Duration;

use filter_host::BackgroundHost;
use shared::pools::{EndpointId, Millis};
use shared::refresh::updates;
use shared::scheduling::{Endpoint, Reported};
use shared::snapshot::{EndpointLoad, LoadReport, Snapshot, Workers, decode, encode};

use super::Moment;
use crate::vm::Vm;

/// Between two looks at the list of workers.
const REGISTRATION_INTERVAL: Duration = Duration::from_secs(1);

/// A VM's side of snapshots and reports.
pub(super) struct Worker {
    pools: Vec<Exchange>,
    registered: Option<Millis>,
}

/// What was read and written last of one pool.
#[derive(Default)]
struct Exchange {
    /// The generation taken over last.
    seen: u64,
    /// The requests this VM reported last.
    loads: Vec<EndpointLoad>,
    /// What it reported last of what responses said.
    reported: Vec<(EndpointId, Reported)>,
}

impl Worker {
    pub(super) fn new(vm: &Vm) -> Self {
        let pools = vm.settings.pools.iter().map(|_| Exchange::default()).collect();
        Self { pools, registered: None }
    }

    /// A tick; `own` is what this VM itself just published, by pool, which it need not read
    /// back.
    pub(super) fn on_tick<H: BackgroundHost>(
        &mut self,
        moment: &Moment<'_, H>,
        own: Vec<(usize, Snapshot)>,
    ) {
        for (place, snapshot) in own {
            if let Some(exchange) = self.pools.get_mut(place) {
                exchange.take_over(moment, place, snapshot);
            }
        }
        for (place, exchange) in self.pools.iter_mut().enumerate() {
            if let Some(snapshot) = exchange.news(moment, place) {
                exchange.take_over(moment, place, snapshot);
            }
        }
        let mut news = false;
        for (place, exchange) in self.pools.iter_mut().enumerate() {
            news |= exchange.look(moment.vm, place);
        }
        let now = moment.now;
        let due = self.registered.is_none_or(|last| now.has_passed(last, REGISTRATION_INTERVAL));
        // A report that says nothing new only shows that the worker lives.
        if news || due {
            let pools = self.pools.iter().map(|exchange| exchange.loads.clone()).collect();
            let reported = self.pools.iter().map(|exchange| exchange.reported.clone()).collect();
            let places = 0..self.pools.len();
            let speed = |n| moment.vm.with_pool(n, |pool, _| pool.observed_speed()).flatten();
            let speeds = places.map(speed).collect();
            let report = LoadReport { at: now, pools, reported, speeds };
            let key = moment.vm.keys.load(moment.vm.token);
            let _ = moment.host.share(&key, &encode(&report), None);
        }
        if due {
            moment.register();
            self.registered = Some(now);
        }
    }

    /// The generation of a pool that was taken over last.
    pub(super) fn seen(&self, place: usize) -> u64 {
        self.pools.get(place).map_or(0, |exchange| exchange.seen)
    }
}

impl Exchange {
    /// The snapshot of a pool, if it is another one than the last.
    fn news<H: BackgroundHost>(&self, moment: &Moment<'_, H>, place: usize) -> Option<Snapshot> {
        let Moment { host, vm, .. } = *moment;
        let (generation, _) = host.shared(&vm.keys.generation(place))?;
        match <[u8; 8]>::try_from(generation.as_slice()).map(u64::from_le_bytes) {
            Ok(generation) if generation != self.seen => {}
            _ => return None,
        }
        let (bytes, _) = host.shared(&vm.keys.snapshot(place))?;
        // One of another version, or half of one: the next may be better.
        decode(&bytes).ok()
    }

    fn take_over<H: BackgroundHost>(
        &mut self,
        moment: &Moment<'_, H>,
        place: usize,
        snapshot: Snapshot,
    ) {
        let Moment { vm, now, .. } = *moment;
        self.seen = snapshot.generation;
        let speed = snapshot.speed.filter(|_| vm.has_served());
        let mut updates = updates(snapshot, &self.loads);
        vm.with_pool(place, |pool, _| {
            // What responses said here may not have reached the holder yet.
            for update in &mut updates {
                let known = pool.get(update.id).and_then(|known| known.observation.as_ref());
                if let Some(reported) = known.and_then(Reported::of) {
                    reported.apply(&mut update.observation, now);
                }
            }
            pool.update(updates);
            if let Some(speed) = speed {
                pool.hear_speed(speed);
            }
        });
    }

    /// Looks at what there is to report; whether it is news.
    fn look(&mut self, vm: &Vm, place: usize) -> bool {
        let found = vm.with_pool(place, |pool, _| {
            let loads = pool.endpoints().iter().filter_map(load).collect();
            let observed =
                pool.endpoints().iter().filter_map(|e| Some((e.id, e.observation.as_ref()?)));
            let reported = observed.filter_map(|(id, seen)| Some((id, Reported::of(seen)?)));
            (loads, reported.collect())
        });
        let (loads, reported) = found.unwrap_or_default();
        let news = loads != self.loads || reported != self.reported;
        (self.loads, self.reported) = (loads, reported);
        news
    }
}

/// This VM's requests at an endpoint, if any.
fn load(endpoint: &Endpoint) -> Option<EndpointLoad> {
    let own = &endpoint.in_flight;
    (own.total() > 0 || own.over() > 0).then(|| EndpointLoad {
        id: endpoint.id,
        in_flight: own.total(),
        fresh: own.fresh(),
        over: own.over(),
        since: endpoint.observation.as_ref().map(|observation| observation.at),
    })
}

impl<H: BackgroundHost> Moment<'_, H> {
    /// Puts this VM on the list of workers, if it is not there. Losing a race is fine:
    /// it tries again in a while.
    fn register(&self) {
        let key = self.vm.keys.workers();
        let (mut workers, cas) = match self.host.shared(&key) {
            Some((bytes, cas)) => (decode::<Workers>(&bytes).unwrap_or_default(), cas),
            None => (Workers::default(), None),
        };
        if !workers.tokens.contains(&self.vm.token) {
            workers.tokens.push(self.vm.token);
            let _ = self.host.share(&key, &encode(&workers), cas);
        }
    }
}
