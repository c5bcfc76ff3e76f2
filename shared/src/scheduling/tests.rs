//! Pick vectors, scorers at their edges, and properties of picks.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::pools::{EndpointId, Millis};
use crate::random::Random;

const NOW: Millis = Millis(1_000_000);

fn id(n: usize) -> EndpointId {
    format!("10.0.{}.{}:8000", n / 250, n % 250 + 1).parse().expect("an endpoint")
}

fn keys(names: &[&str]) -> Vec<AdapterKey> {
    names.iter().map(|name| AdapterKey::of(name)).collect()
}

fn seen(waiting: u32, kv_usage: f32, running_adapters: &[&str]) -> Observation {
    Observation {
        at: NOW,
        waiting: Some(waiting),
        running: Some(0),
        kv_usage: Some(kv_usage),
        adapters: Adapters { max: Some(2), running: keys(running_adapters), ..Adapters::default() },
        ..Observation::default()
    }
}

fn update(n: usize, observation: Option<Observation>) -> Update {
    let (others_in_flight, others_fresh, others_over) = (0, 0, 0);
    let health = Health::Ready;
    Update { id: id(n), health, observation, others_in_flight, others_fresh, others_over }
}

fn pool(observations: Vec<Observation>) -> Pool {
    let mut pool = Pool::default();
    pool.update(observations.into_iter().enumerate().map(|(n, o)| update(n, Some(o))).collect());
    pool
}

fn profile(scorers: &[(Scorer, f32)]) -> Profile {
    let scorers = scorers.iter().map(|&(scorer, weight)| Weighted { scorer, weight }).collect();
    Profile::recommended().with_scorers(scorers).expect("weights")
}

fn first(pool: &mut Pool, request: &PickRequest<'_>, profile: &Profile) -> EndpointId {
    let pick = pool.pick(request, profile, NOW, &mut Random::new(1)).expect("an endpoint");
    pool.endpoints()[pick.ranked()[0].place].id
}

fn adapter(name: &str) -> PickRequest<'static> {
    PickRequest { adapter: Some(AdapterKey::of(name)), ..PickRequest::default() }
}

/// The reference's hermetic tests: weights 1 for queue, KV cache, (prefix,) LoRA.
#[test]
fn the_reference_s_vectors_pick_the_reference_s_endpoints() {
    let reference =
        profile(&[(Scorer::Queue, 1.0), (Scorer::KvCache, 1.0), (Scorer::LoraAffinity, 1.0)]);
    type Seen<'a> = (u32, f32, &'a [&'a str]);
    let vectors: [(&[Seen<'_>], Option<&str>, usize); 3] = [
        (&[(3, 0.2, &[]), (0, 0.1, &[]), (10, 0.2, &[])], None, 1),
        (
            &[(0, 0.2, &["foo", "bar"]), (0, 0.1, &["foo", "T"]), (10, 0.2, &["foo", "bar"])],
            Some("T"),
            1,
        ),
        (
            &[(10, 0.2, &["foo", "bar"]), (10, 0.4, &["foo", "T"]), (10, 0.3, &["foo"])],
            Some("T"),
            1,
        ),
    ];
    for (endpoints, asked, expected) in vectors {
        let observations = endpoints.iter().map(|&(queue, kv, adapters)| seen(queue, kv, adapters));
        let mut pool = pool(observations.collect());
        let request = asked.map_or_else(PickRequest::default, adapter);
        assert_eq!(first(&mut pool, &request, &reference), id(expected), "{endpoints:?}");
    }
}

#[test]
fn scorers_have_the_reference_s_names_and_are_found_by_them() {
    for scorer in Scorer::ALL {
        assert_eq!(Scorer::from_name(scorer.name()), Some(*scorer));
    }
    assert_eq!(Scorer::from_name("queue-scorer"), Some(Scorer::Queue));
    assert_eq!(Scorer::from_name("kv-cache-utilization-scorer"), Some(Scorer::KvCache));
    assert_eq!(Scorer::from_name("lora-affinity-scorer"), Some(Scorer::LoraAffinity));
    assert_eq!(Scorer::from_name("nope"), None);
}

#[test]
fn weights_that_decide_nothing_are_refused() {
    let weighted = |weight| vec![Weighted { scorer: Scorer::Queue, weight }];
    for weight in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert_eq!(Profile::recommended().with_scorers(weighted(weight)), Err(InvalidProfile));
    }
    assert_eq!(Profile::recommended().with_scorers(vec![]), Err(InvalidProfile));
}

#[test]
fn one_endpoint_is_picked_whatever_is_known_of_it() {
    let profile = Profile::recommended();
    for observation in
        [None, Some(Observation { at: NOW, ..Observation::default() }), Some(seen(99, 1.0, &[]))]
    {
        let mut pool = Pool::default();
        pool.update(vec![update(0, observation)]);
        assert_eq!(first(&mut pool, &adapter("T"), &profile), id(0));
    }
}

#[test]
fn equal_endpoints_share_the_picks() {
    let mut pool = pool(vec![seen(1, 0.5, &[]); 4]);
    let mut random = Random::new(7);
    let mut counts = BTreeMap::new();
    for _ in 0..4_000 {
        let pick = pool.pick(&PickRequest::default(), &Profile::reference(), NOW, &mut random);
        *counts.entry(pick.expect("one").ranked()[0].place).or_insert(0) += 1;
    }
    assert!(counts.len() == 4 && counts.values().all(|n| (850..1150).contains(n)), "{counts:?}");
}

#[test]
fn broken_numbers_and_missing_metrics_neither_win_nor_break_a_pick() {
    let nan = Observation { kv_usage: Some(f32::NAN), ..seen(0, 0.0, &[]) };
    let missing = Observation { waiting: None, kv_usage: None, ..seen(0, 0.0, &[]) };
    let mut pool = pool(vec![nan, missing, seen(0, 0.1, &[])]);
    assert_eq!(first(&mut pool, &PickRequest::default(), &Profile::reference()), id(2));
}

#[test]
fn a_burst_between_two_scrapes_spreads() {
    let mut pool = pool(vec![seen(0, 0.1, &[]), seen(0, 0.2, &[]), seen(0, 0.3, &[])]);
    let profile = Profile::recommended();
    let mut random = Random::new(3);
    for _ in 0..30 {
        let pick = pool.pick(&PickRequest::default(), &profile, NOW, &mut random).expect("one");
        let id = pool.endpoints()[pick.ranked()[0].place].id;
        pool.start(id, None, NOW).expect("known");
    }
    let picks: Vec<_> = pool.endpoints().iter().map(|endpoint| endpoint.picks).collect();
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
    let mut random = Random::new(5);
    for _ in 0..1_000 {
        let profile = Profile::recommended();
        let pick = pool.pick(&PickRequest::default(), &profile, NOW, &mut random).expect("one");
        assert_eq!(pick.why, Why::NoFreshMetrics);
        let id = pool.endpoints()[pick.ranked()[0].place].id;
        pool.start(id, None, NOW).expect("known");
    }
    let picks: Vec<_> = pool.endpoints().iter().map(|endpoint| endpoint.picks).collect();
    assert!(picks.iter().all(|n| (95..=105).contains(n)), "{picks:?}");
}

#[test]
fn an_adapter_goes_where_it_was_sent_though_the_metric_forgot_it() {
    let mut pool = pool(vec![seen(0, 0.2, &[]), seen(0, 0.2, &[]), seen(0, 0.2, &[])]);
    let request = adapter("T");
    let profile = Profile::recommended();
    let sent = first(&mut pool, &request, &profile);
    let started = pool.start(sent, request.adapter, NOW).expect("known");
    pool.end(started, NOW);
    for seed in 0..20 {
        let pick = pool.pick(&request, &profile, NOW, &mut Random::new(seed)).expect("one");
        assert_eq!(pool.endpoints()[pick.ranked()[0].place].id, sent);
    }
}

#[test]
fn new_adapters_take_free_slots_and_do_not_push_out_others() {
    let full = seen(0, 0.1, &["a", "b"]);
    let free = seen(0, 0.4, &["c"]);
    let mut pool = pool(vec![full, free]);
    assert_eq!(first(&mut pool, &adapter("new"), &Profile::recommended()), id(1));
}

#[test]
fn a_session_stays_until_its_endpoint_is_saturated() {
    let request = PickRequest { session: Some(id(1)), ..PickRequest::default() };
    let mut calm = pool(vec![seen(0, 0.1, &[]), seen(4, 0.5, &[])]);
    assert_eq!(first(&mut calm, &request, &Profile::recommended()), id(1));
    let mut saturated = pool(vec![seen(0, 0.1, &[]), seen(5, 0.5, &[])]);
    assert_eq!(first(&mut saturated, &request, &Profile::recommended()), id(0));
}

#[test]
fn failures_lower_an_endpoint_for_a_while() {
    let mut pool = pool(vec![seen(0, 0.1, &[]), seen(1, 0.3, &[])]);
    let profile = Profile::recommended();
    assert_eq!(first(&mut pool, &PickRequest::default(), &profile), id(0));
    pool.note_failure(id(0), NOW, profile.trouble_half_life);
    assert_eq!(first(&mut pool, &PickRequest::default(), &profile), id(1));
}

#[test]
fn nothing_ready_is_told_apart_from_nothing_there() {
    let profile = Profile::recommended();
    let mut random = Random::new(1);
    let mut pick = |pool: &mut Pool, subset: Option<&[EndpointId]>| {
        let request = PickRequest { subset, ..PickRequest::default() };
        pool.pick(&request, &profile, NOW, &mut random).map(|pick| pick.ranked()[0].place)
    };
    assert_eq!(pick(&mut Pool::default(), None), Err(NoEndpoint::EmptyPool));
    let mut pool = pool(vec![seen(0, 0.0, &[]); 2]);
    assert_eq!(pick(&mut pool, Some(&[])), Err(NoEndpoint::EmptySubset));
    assert_eq!(pick(&mut pool, Some(&[id(7)])), Err(NoEndpoint::EmptySubset));
    assert_eq!(pick(&mut pool, Some(&[id(7), id(1)])), Ok(1));
    let subset = [id(1), id(1), id(0), id(1)];
    let request = PickRequest { subset: Some(&subset), ..PickRequest::default() };
    let twice = pool.pick(&request, &profile, NOW, &mut Random::new(1)).expect("two");
    assert_eq!(twice.ranked().len(), 2, "named twice, picked once");
    let mut unhealthy = update(0, None);
    unhealthy.health = Health::Unhealthy;
    pool.update(vec![unhealthy]);
    assert_eq!(pick(&mut pool, None), Err(NoEndpoint::NoneReady));
    let any = pool.pick_any(&PickRequest::default(), &profile, &mut random).expect("fails open");
    assert_eq!((any.why, any.ranked()[0].place), (Why::NothingReady, 0));
}

#[test]
fn saturation_is_the_reference_s_mean() {
    let mut pool = Pool::default();
    pool.update(vec![
        update(0, Some(seen(5, 0.0, &[]))),
        update(1, Some(seen(0, 0.4, &[]))),
        update(2, None),
    ]);
    let pick = pool.pick(&PickRequest::default(), &Profile::reference(), NOW, &mut Random::new(1));
    assert!((pick.expect("one").saturation - (1.0 + 0.5 + 1.0) / 3.0).abs() < 1e-6);
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

fn observation() -> impl Strategy<Value = Observation> {
    let adapters = proptest::collection::vec(prop_oneof![Just("a"), Just("b"), Just("c")], 0..3);
    (
        0..10_000_u64,
        proptest::option::of(0..50_u32),
        proptest::option::of(0..50_u32),
        proptest::option::of(prop_oneof![0.0..1.0_f32, Just(f32::NAN), Just(f32::INFINITY)]),
        adapters,
    )
        .prop_map(|(age, waiting, running, kv_usage, running_adapters)| Observation {
            at: Millis(NOW.0 - age),
            waiting,
            running,
            kv_usage,
            adapters: Adapters {
                max: Some(2),
                running: keys(&running_adapters),
                ..Adapters::default()
            },
            ..Observation::default()
        })
}

fn any_pool() -> impl Strategy<Value = Pool> {
    proptest::collection::vec((proptest::option::of(observation()), 0..3_u8, 0..9_u32), 1..12)
        .prop_map(|endpoints| {
            let mut pool = Pool::default();
            let updates =
                endpoints.into_iter().enumerate().map(|(n, (observation, health, others))| {
                    let health =
                        [Health::Ready, Health::Unhealthy, Health::Dead][usize::from(health)];
                    Update {
                        health,
                        others_in_flight: others,
                        others_fresh: others / 2,
                        others_over: others / 3,
                        ..update(n, observation)
                    }
                });
            pool.update(updates.collect());
            pool
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn picks_are_ready_distinct_in_the_subset_and_ordered(
        mut pool in any_pool(),
        allowed in proptest::option::of(proptest::collection::vec(0..12_usize, 0..6)),
        seed: u64,
        name in proptest::option::of(prop_oneof![Just("a"), Just("x")]),
    ) {
        let subset: Option<Vec<_>> = allowed.map(|places| places.into_iter().map(id).collect());
        let request = PickRequest { adapter: name.map(AdapterKey::of), subset: subset.as_deref(), session: Some(id(0)), ..PickRequest::default() };
        let profile = Profile::recommended();
        if let Ok(pick) = pool.pick(&request, &profile, NOW, &mut Random::new(seed)) {
            let ranked = pick.ranked();
            prop_assert!((1..=profile.ranked).contains(&ranked.len()));
            prop_assert!(ranked.is_sorted_by(|a, b| a.score >= b.score));
            let mut places: Vec<_> = ranked.iter().map(|choice| choice.place).collect();
            for &place in &places {
                let endpoint = &pool.endpoints()[place];
                prop_assert_eq!(endpoint.health, Health::Ready);
                prop_assert!(subset.as_ref().is_none_or(|subset| subset.contains(&endpoint.id)));
            }
            places.sort_unstable();
            places.dedup();
            prop_assert_eq!(places.len(), ranked.len());
        } else {
            let ready = pool.endpoints().iter().any(|endpoint| {
                endpoint.health == Health::Ready
                    && subset.as_ref().is_none_or(|subset| subset.contains(&endpoint.id))
            });
            prop_assert!(!ready);
        }
    }

    #[test]
    fn a_longer_queue_never_raises_a_score(queues in proptest::collection::vec(0..30_u32, 2..8), more in 1..30_u32) {
        for scorer in [Scorer::Queue, Scorer::Load] {
            let profile = Profile { ranked: MAX_RANKED, ..profile(&[(scorer, 1.0)]) };
            let score_of_first = |queues: &[u32]| {
                let mut pool = pool(queues.iter().map(|&queue| seen(queue, 0.5, &[])).collect());
                let pick = pool.pick(&PickRequest::default(), &profile, NOW, &mut Random::new(1)).expect("one");
                pick.ranked().iter().find(|choice| choice.place == 0).map(|choice| choice.score)
            };
            let mut longer = queues.clone();
            longer[0] += more;
            prop_assert!(score_of_first(&longer) <= score_of_first(&queues));
        }
    }

    #[test]
    fn a_subset_of_all_endpoints_changes_nothing(
        mut observations in proptest::collection::vec(observation(), 1..12),
        fresh: bool,
        name in proptest::option::of(prop_oneof![Just("a"), Just("x")]),
        seed: u64,
    ) {
        if fresh {
            observations.iter_mut().for_each(|observation| observation.at = NOW);
        }
        let mut pool = pool(observations);
        let all: Vec<_> = pool.endpoints().iter().map(|endpoint| endpoint.id).collect();
        let whole = PickRequest { adapter: name.map(AdapterKey::of), ..PickRequest::default() };
        let named = PickRequest { subset: Some(&all), ..whole };
        let mut pick = |request| {
            pool.pick(request, &Profile::recommended(), NOW, &mut Random::new(seed))
        };
        prop_assert_eq!(pick(&whole), pick(&named));
    }

    #[test]
    fn scaling_all_weights_changes_no_choice(observations in proptest::collection::vec(observation(), 2..8), factor in 0.5..4.0_f32) {
        let scorers = [(Scorer::Queue, 2.0), (Scorer::KvCache, 1.0), (Scorer::LoraAffinity, 3.0)];
        let scaled = scorers.map(|(scorer, weight)| (scorer, weight * factor));
        let mut pool = pool(observations);
        let mut best = |scorers: &[(Scorer, f32)]| {
            let pick = pool.pick(&adapter("a"), &profile(scorers), NOW, &mut Random::new(9)).expect("one");
            let best = pick.ranked()[0];
            (best.place, best.score)
        };
        let (place, score) = best(&scorers);
        let (scaled_place, scaled_score) = best(&scaled);
        prop_assert!(place == scaled_place || (score * factor - scaled_score).abs() < 1e-3);
    }
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

/// Sends a prompt where the pick says, and tells its first byte after `took`.
fn send(pool: &mut Pool, chain: &[u64], took: u64) -> usize {
    let tokens = u32::try_from(chain.len()).expect("short") * 16 + 5;
    let prompt = Prompt { chain, block_tokens: 16, prompt_tokens: tokens };
    let request = PickRequest { prompt: Some(prompt), ..PickRequest::default() };
    let profile = Profile::recommended();
    let pick = pool.pick(&request, &profile, NOW, &mut Random::new(3)).expect("ready");
    let place = pick.ranked()[0].place;
    let id = pool.endpoints()[place].id;
    let prefill = pool.start_prompt(id, &prompt, None, NOW).expect("prompts count");
    pool.first_byte(prefill, NOW + Duration::from_millis(took));
    place
}

fn chain_of(seed: u64, blocks: usize) -> Vec<u64> {
    let mut random = Random::new(seed);
    (0..blocks).map(|_| random.next_u64()).collect()
}

fn learned_pool() -> Pool {
    let mut pool = pool(vec![seen(0, 0.1, &[]); 8]);
    for n in 0..40 {
        send(&mut pool, &chain_of(1_000 + n, 64), 100);
    }
    pool
}

#[test]
fn a_conversation_returns_to_the_endpoint_that_served_it() {
    let mut pool = learned_pool();
    for seed in 0..20 {
        let chain = chain_of(seed, 200);
        let first = send(&mut pool, &chain[..100], 100);
        let later = [120, 160, 200].map(|blocks| send(&mut pool, &chain[..blocks], 20));
        assert_eq!(later, [first; 3]);
    }
}

#[test]
fn workers_that_never_met_rank_endpoints_alike() {
    let profile = profile(&[(Scorer::PrefixAffinity, 1.0)]);
    let mut workers = [learned_pool(), learned_pool()];
    for n in 0..30 {
        send(&mut workers[1], &chain_of(n, 64), 100);
    }
    for seed in 500..540 {
        let chain = chain_of(seed, 50);
        let prompt = Prompt { chain: &chain, block_tokens: 16, prompt_tokens: 800 };
        let request = PickRequest { prompt: Some(prompt), ..PickRequest::default() };
        let ranked = workers.each_mut().map(|pool| {
            let pick = pool.pick(&request, &profile, NOW, &mut Random::new(seed)).expect("ready");
            pick.ranked().iter().map(|choice| choice.place).collect::<Vec<_>>()
        });
        assert_eq!(ranked[0], ranked[1]);
    }
}

#[test]
fn affinity_holds_its_bound() {
    let profile = profile(&[(Scorer::PrefixAffinity, 1.0)]);
    let mut pool = pool(vec![seen(0, 0.1, &[]); 4]);
    let chain = chain_of(1, 50);
    let prompt = Prompt { chain: &chain, block_tokens: 16, prompt_tokens: 800 };
    let request = PickRequest { prompt: Some(prompt), ..PickRequest::default() };
    let mut counts = [0_u32; 4];
    for n in 1..=80 {
        let pick = pool.pick(&request, &profile, NOW, &mut Random::new(n)).expect("ready");
        let place = pick.ranked()[0].place;
        pool.start(pool.endpoints()[place].id, None, NOW + Duration::from_millis(1));
        counts[place] += 1;
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    assert!(most <= 26, "1.25 times the mean of 20, and one: {counts:?}");
    assert!(most >= 25, "and up to there it is used: {counts:?}");
}

#[test]
fn queues_outweigh_caches_when_they_are_long_enough() {
    let mut pool = learned_pool();
    let chain = chain_of(7, 40);
    let home = send(&mut pool, &chain, 80);
    let busy = |waiting| {
        let of = |n: usize| seen(if n == home { waiting } else { 0 }, 0.1, &[]);
        (0..8).map(|n| update(n, Some(of(n)))).collect()
    };
    pool.update(busy(1));
    assert_eq!(send(&mut pool, &chain, 20), home);
    pool.update(busy(200));
    assert_ne!(send(&mut pool, &chain, 20), home);
}

#[test]
fn the_reference_s_prefix_score_is_what_was_sent_there() {
    let profile = profile(&[(Scorer::Prefix, 1.0)]);
    let mut pool = learned_pool();
    let chain = chain_of(9, 80);
    let home = send(&mut pool, &chain[..40], 50);
    let prompt = Prompt { chain: &chain, block_tokens: 16, prompt_tokens: 1_280 };
    let request = PickRequest { prompt: Some(prompt), ..PickRequest::default() };
    let pick = pool.pick(&request, &profile, NOW, &mut Random::new(1)).expect("ready");
    assert_eq!((pick.ranked()[0].place, pick.ranked()[0].score), (home, 0.5));
}

#[test]
fn the_prompt_s_part_of_a_score_is_told_too() {
    let mut pool = learned_pool();
    let chain = chain_of(3, 60);
    send(&mut pool, &chain, 80);
    let prompt = Prompt { chain: &chain, block_tokens: 16, prompt_tokens: 960 };
    let request = PickRequest { prompt: Some(prompt), ..PickRequest::default() };
    let weights = [
        (Scorer::Cost, 2.0),
        (Scorer::Prefix, 3.0),
        (Scorer::PrefixAffinity, 1.0),
        (Scorer::KvCache, 1.0),
    ];
    let profile = profile(&weights);
    let pick = pool.pick(&request, &profile, NOW, &mut Random::new(1)).expect("an endpoint");
    for choice in pick.ranked() {
        let made = pool.made(&pick, choice, &profile).expect("it is there");
        let parts = weights.iter().zip(&made.parts).map(|((_, weight), part)| weight * part);
        assert!((parts.sum::<f32>() - choice.score).abs() < 1e-4, "{made:?} for {choice:?}");
    }
}

#[test]
fn a_choice_s_score_is_the_sum_of_its_parts_less_its_trouble() {
    let mut pool = pool(vec![seen(3, 0.2, &["a"]), seen(0, 0.7, &[]), seen(9, 0.1, &[])]);
    pool.note_failure(id(1), NOW, Duration::from_secs(10));
    let profile = Profile::recommended();
    let pick = pool.pick(&adapter("a"), &profile, NOW, &mut Random::new(1)).expect("an endpoint");
    assert_eq!(pick.ranked().len(), 3);
    for choice in pick.ranked() {
        let made = pool.made(&pick, choice, &profile).expect("it is there");
        let parts = profile.scorers.iter().zip(&made.parts).map(|(w, part)| w.weight * part);
        let sum = parts.sum::<f32>() * (1.0 - made.trouble);
        assert!((sum - choice.score).abs() < 1e-5, "{made:?} for {choice:?}");
        assert_eq!(made.trouble > 0.0, choice.place == 1);
    }
    let later = NOW + Duration::from_secs(60);
    let blind = pool.pick(&adapter("a"), &profile, later, &mut Random::new(1)).expect("one");
    let made = pool.made(&blind, &blind.ranked()[0], &profile).expect("it is there");
    assert!(made.parts.is_empty(), "scores did not decide");
}
