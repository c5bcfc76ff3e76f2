//! Who is picked, who is not, and how that is told.

use std::collections::BTreeMap;
use std::time::Duration;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

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
