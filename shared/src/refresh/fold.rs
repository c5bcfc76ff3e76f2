//! From what the scraping VM knows to what every worker sees.

use std::time::Duration;

use super::targets::Targets;
use crate::pools::Millis;
use crate::scheduling::{LearnedSpeed, Update};
use crate::snapshot::{EndpointLoad, EndpointSnapshot, LoadReport, Snapshot};

/// A report older than this is of a worker that is gone.
const REPORT_LIFE: Duration = Duration::from_secs(3);

/// Folds the workers' reports into the snapshot of the pool at this place.
#[must_use]
pub fn fold(
    targets: &Targets,
    reports: &[LoadReport],
    place: usize,
    generation: u64,
    now: Millis,
) -> Snapshot {
    let mut endpoints: Vec<_> = targets
        .all()
        .iter()
        .map(|target| EndpointSnapshot {
            id: target.id,
            health: target.health(),
            observation: target.observation.clone(),
            in_flight: 0,
            fresh: 0,
            over: 0,
        })
        .collect();
    // One from the future is from before the clock jumped back; the next comes soon.
    let is_current = |report: &&LoadReport| report.at <= now && now.since(report.at) <= REPORT_LIFE;
    let current = reports.iter().filter(is_current);
    let speeds = current.clone().filter_map(|report| report.speeds.get(place).copied().flatten());
    let speed = LearnedSpeed::together(speeds);
    for load in current.filter_map(|report| report.pools.get(place)).flatten() {
        let Ok(n) = endpoints.binary_search_by_key(&load.id, |endpoint| endpoint.id) else {
            continue;
        };
        let Some(endpoint) = endpoints.get_mut(n) else { continue };
        endpoint.in_flight = endpoint.in_flight.saturating_add(load.in_flight);
        // Counted against an older observation, the same requests may be in this one.
        if load.since == endpoint.observation.as_ref().map(|observation| observation.at) {
            endpoint.fresh = endpoint.fresh.saturating_add(load.fresh);
            endpoint.over = endpoint.over.saturating_add(load.over);
        }
    }
    // What a worker was told in a response is news to the others.
    let reported = reports.iter().filter_map(|report| report.reported.get(place)).flatten();
    for (id, reported) in reported {
        if let Ok(n) = endpoints.binary_search_by_key(id, |endpoint| endpoint.id)
            && let Some(endpoint) = endpoints.get_mut(n)
        {
            reported.apply(&mut endpoint.observation, now);
        }
    }
    Snapshot { generation, published: now, endpoints, speed }
}

/// What a worker takes over from a snapshot: its own last report is in there too,
/// and does not count as others'. Both are in the order of the endpoints' identities.
#[must_use]
pub fn updates(snapshot: Snapshot, own: &[EndpointLoad]) -> Vec<Update> {
    snapshot
        .endpoints
        .into_iter()
        .map(|endpoint| {
            let mine = own.binary_search_by_key(&endpoint.id, |load| load.id);
            let mine = mine.ok().and_then(|place| own.get(place));
            let since = endpoint.observation.as_ref().map(|observation| observation.at);
            let current = mine.filter(|load| load.since == since);
            let (my_fresh, my_over) = current.map_or((0, 0), |load| (load.fresh, load.over));
            Update {
                id: endpoint.id,
                health: endpoint.health,
                observation: endpoint.observation,
                others_in_flight: endpoint
                    .in_flight
                    .saturating_sub(mine.map_or(0, |load| load.in_flight)),
                others_fresh: endpoint.fresh.saturating_sub(my_fresh),
                others_over: endpoint.over.saturating_sub(my_over),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::pools::EndpointId;
    use crate::refresh::{Discovered, Rhythm};
    use crate::scheduling::{Observation, Reported};

    fn id(n: u16) -> EndpointId {
        EndpointId::from(std::net::SocketAddr::from(([10, 0, 0, 1], 8000 + n)))
    }

    fn observed() -> Targets {
        let rhythm =
            Rhythm { interval: Duration::from_millis(200), timeout: Duration::from_secs(1) };
        let mut targets = Targets::default();
        targets.set(
            (0..2).map(|n| Discovered { id: id(n), healthy: true }).collect(),
            rhythm,
            Millis(0),
        );
        targets.succeeded(id(0), Observation::default(), rhythm, Millis(1_000));
        targets
    }

    fn report(at: u64, in_flight: u32, fresh: u32, since: Option<u64>) -> LoadReport {
        let since = since.map(Millis);
        let load = EndpointLoad { id: id(0), in_flight, fresh, over: 2 * fresh, since };
        LoadReport { at: Millis(at), pools: vec![vec![], vec![load]], ..LoadReport::default() }
    }

    #[test]
    fn reports_add_up_old_ones_are_dropped_and_outdated_counts_are_not_fresh() {
        let reports = [
            report(2_000, 3, 2, Some(1_000)),
            report(1_900, 4, 4, Some(800)),
            report(2_000, 1, 1, None),
            report(0, 100, 100, Some(1_000)),
        ];
        let snapshot = fold(&observed(), &reports, 1, 9, Millis(4_000));
        assert_eq!((snapshot.endpoints[0].in_flight, snapshot.endpoints[0].fresh), (8, 2));
        assert_eq!((snapshot.endpoints[1].in_flight, snapshot.generation), (0, 9));
        let other_pool = fold(&observed(), &reports, 0, 9, Millis(4_000));
        assert_eq!(other_pool.endpoints[0].in_flight, 0);
    }

    #[test]
    fn what_one_worker_was_told_in_a_response_all_learn() {
        let told = |at, waiting| {
            let reported = Reported { at: Millis(at), waiting: Some(waiting), kv_usage: None };
            LoadReport { reported: vec![vec![(id(0), reported)]], ..LoadReport::default() }
        };
        let reports = [told(1_500, 3), told(1_700, 4), told(1_600, 5), told(900, 6)];
        let snapshot = fold(&observed(), &reports, 0, 1, Millis(2_000));
        let known = snapshot.endpoints[0].observation.as_ref().expect("scraped");
        assert_eq!((known.waiting, known.at), (Some(4), Millis(1_000)), "the newest counts");
        assert_eq!(known.reported, Some(Millis(1_700)));
        assert_eq!(snapshot.endpoints[1].observation, None);
    }

    #[test]
    fn a_worker_does_not_count_itself_among_the_others() {
        let reports = [report(2_000, 3, 2, Some(1_000)), report(2_000, 4, 1, Some(1_000))];
        let snapshot = fold(&observed(), &reports, 1, 1, Millis(2_000));
        let updates = updates(snapshot, &reports[0].pools[1]);
        assert_eq!((updates[0].others_in_flight, updates[0].others_fresh), (4, 1));
        assert_eq!(updates[0].others_over, 2);
    }
}
