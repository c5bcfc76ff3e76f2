//! What requests on their way and old metrics count for.

use std::time::Duration;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

/// Sends so many requests, none of which ends, where the picks say; how many each endpoint got.
fn send(pool: &mut Pool, requests: usize, seed: u64, why: Why) -> Vec<u64> {
    let (profile, mut random) = (Profile::recommended(), Random::new(seed));
    for _ in 0..requests {
        let pick = pool.pick(&PickRequest::default(), &profile, NOW, &mut random).expect("one");
        assert_eq!(pick.why, why);
        let id = pool.endpoints()[pick.ranked()[0].place].id;
        pool.start(id, None, NOW).expect("known");
    }
    pool.endpoints().iter().map(|endpoint| endpoint.picks).collect()
}

#[test]
fn a_burst_between_two_scrapes_spreads() {
    let mut pool = pool(vec![seen(0, 0.1, &[]), seen(0, 0.2, &[]), seen(0, 0.3, &[])]);
    let picks = send(&mut pool, 30, 3, Why::Scores);
    assert!(picks.iter().all(|n| (8..=12).contains(n)), "{picks:?}");
}

#[test]
fn other_workers_requests_count_as_this_worker_s_do() {
    let mut pool = pool(vec![seen(0, 0.1, &[]), seen(0, 0.1, &[])]);
    let mut busy = update(0, Some(seen(0, 0.1, &[])));
    (busy.others_in_flight, busy.others_fresh) = (20, 20);
    pool.update(vec![busy, update(1, Some(seen(0, 0.1, &[])))]);
    assert_eq!(first(&mut pool, &PickRequest::default(), &Profile::recommended()), id(1));
}

#[test]
fn metrics_fade_with_age_and_a_dead_idle_endpoint_stops_winning() {
    let old = Observation { at: Millis(NOW.0 - 4_000), ..seen(0, 0.0, &[]) };
    let mut pool = pool(vec![old.clone(), seen(1, 0.3, &[])]);
    let reference = Profile::reference();
    let fading = reference.staleness.fading();
    assert!((pool.endpoints()[0].trust(NOW, &fading) - 0.25).abs() < 1e-6);
    assert_eq!(pool.endpoints()[0].trust(NOW + Duration::from_secs(2), &fading), 0.0);
    assert_eq!(pool.endpoints()[0].trust(Millis(0), &fading), 1.0, "the clock jumped back");
    let mut dead = update(0, Some(Observation { at: NOW, ..old }));
    dead.health = Health::Dead;
    pool.update(vec![dead, update(1, Some(seen(9, 0.9, &[])))]);
    assert_eq!(first(&mut pool, &PickRequest::default(), &reference), id(1));
}

#[test]
fn without_fresh_metrics_the_less_busy_of_two_is_taken() {
    let mut pool = Pool::default();
    pool.update((0..10).map(|n| update(n, None)).collect());
    let picks = send(&mut pool, 1_000, 5, Why::NoFreshMetrics);
    assert!(picks.iter().all(|n| (95..=105).contains(n)), "{picks:?}");
}

#[test]
fn endpoints_leave_and_come_and_those_that_stay_keep_their_counts() {
    let mut pool = pool(vec![seen(0, 0.0, &[]); 3]);
    let gone = pool.start(id(0), None, NOW).expect("known");
    let kept = pool.start(id(2), None, NOW + Duration::from_millis(1)).expect("known");
    pool.update(vec![
        update(5, None),
        update(2, Some(seen(0, 0.0, &[]))),
        update(1, None),
        update(5, None),
    ]);
    let ids: Vec<_> = pool.endpoints().iter().map(|endpoint| endpoint.id).collect();
    assert_eq!(ids, [id(1), id(2), id(5)]);
    assert_eq!(pool.get(id(2)).map(|e| (e.in_flight.total(), e.assumed())), Some((1, 1)));
    pool.end(gone, NOW);
    pool.end(kept, NOW);
    assert!(pool.endpoints().iter().all(|endpoint| endpoint.in_flight.total() == 0));
}

#[test]
fn requests_that_ended_since_the_scrape_make_room() {
    let mut pool = Pool::default();
    let running = |n: usize, running| {
        let observation = Observation { running: Some(running), ..seen(0, 0.0, &[]) };
        update(n, Some(observation))
    };
    pool.update(vec![update(0, None), update(1, None)]);
    let before = Millis(NOW.0 - 10);
    let started: Vec<_> = (0..6).filter_map(|_| pool.start(id(0), None, before)).collect();
    pool.update(vec![running(0, 6), running(1, 3)]);
    let best = |pool: &mut Pool| {
        let request = PickRequest::default();
        let pick = pool.pick(&request, &Profile::recommended(), NOW, &mut Random::new(1));
        pick.map(|pick| pick.ranked()[0].place)
    };
    assert_eq!(best(&mut pool), Ok(1));
    started.into_iter().for_each(|started| pool.end(started, NOW + Duration::from_millis(5)));
    assert_eq!(best(&mut pool), Ok(0), "six of six are over");
}

#[test]
fn an_endpoint_that_was_full_is_full_again_at_the_same_load() {
    let mut pool = Pool::default();
    let at = |n: usize, waiting, running, age| {
        let mut observation = seen(waiting, 0.0, &[]);
        (observation.running, observation.at) = (Some(running), Millis(NOW.0 - age));
        update(n, Some(observation))
    };
    // It ran four while others waited: a fifth has to wait.
    pool.update(vec![at(0, 2, 4, 200), at(1, 0, 6, 200)]);
    pool.update(vec![at(0, 0, 4, 0), at(1, 0, 6, 0)]);
    let mut picks = Vec::new();
    for _ in 0..3 {
        let request = PickRequest::default();
        let pick = pool.pick(&request, &Profile::recommended(), NOW, &mut Random::new(1));
        let place = pick.expect("ready").ranked()[0].place;
        picks.push(place);
        pool.start(id(place), None, NOW + Duration::from_millis(1));
    }
    assert_eq!(picks, [0, 1, 1], "one at 4 costs 4, the next 7");
}
