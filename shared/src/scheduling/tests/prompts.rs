//! Picks by what is known of a prompt.

use std::time::Duration;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

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
