#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use proptest::prelude::*;

use super::index::{Index, STRIDE};
use super::rendezvous::{chance, levels, popular, spread, weight};
use super::{Prefixes, Prompt, Ranking, Residence, Standing, Weighed};
use crate::pools::Millis;
use crate::random::Random;
use crate::scheduling::{AdapterKey, Endpoint};

const NOW: Millis = Millis(1_000_000_000);

fn chain(seed: u64, blocks: usize) -> Vec<u64> {
    let mut random = Random::new(seed);
    (0..blocks).map(|_| random.next_u64()).collect()
}

fn best(hash: u64, endpoints: &[u64]) -> u64 {
    let by_weight = |a: &&u64, b: &&u64| weight(hash, **a, 1.0).total_cmp(&weight(hash, **b, 1.0));
    endpoints.iter().max_by(by_weight).copied().unwrap_or(0)
}

#[test]
fn prefixes_spread_evenly_over_endpoints() {
    let endpoints = chain(1, 8);
    let mut counts = [0; 8];
    for hash in chain(2, 8_000) {
        let of = best(hash, &endpoints);
        counts[endpoints.iter().position(|e| *e == of).expect("one of them")] += 1;
    }
    assert!(counts.iter().all(|count| (880..1_120).contains(count)), "{counts:?}");
}

#[test]
fn endpoints_get_prefixes_by_the_sizes_of_their_caches() {
    let endpoints: Vec<_> = chain(1, 8).into_iter().zip([3.0, 1.0].repeat(4)).collect();
    let mut counts = [0; 8];
    for hash in chain(2, 8_000) {
        let weights: Vec<_> =
            endpoints.iter().map(|(key, size)| weight(hash, *key, *size)).collect();
        assert!(weights.iter().all(|weight| weight.is_finite() && *weight > 0.0), "{weights:?}");
        let most = weights.iter().copied().fold(0.0, f32::max);
        counts[weights.iter().position(|weight| *weight == most).expect("one of them")] += 1;
    }
    for (n, count) in counts.iter().enumerate() {
        let fair = if n % 2 == 0 { 1_500 } else { 500 };
        assert!((fair * 9 / 10..fair * 11 / 10).contains(count), "{counts:?}");
    }
}

#[test]
fn the_heaviest_candidate_comes_first() {
    let weights = [0.5, 3.0, 0.0, 1e9, f32::MIN_POSITIVE, 0.5];
    let mut order: Vec<_> = (0..).zip(weights).map(|(n, weight)| Weighed::new(weight, n)).collect();
    order.sort_unstable();
    assert_eq!(order.into_iter().map(Weighed::place).collect::<Vec<_>>(), [3, 1, 0, 5, 4, 2]);
}

#[test]
fn a_prefix_gets_endpoints_by_its_share_of_the_traffic() {
    assert_eq!([0.0, 0.05, 0.2, 0.5, 1.0].map(|share| spread(share, 8)), [1, 1, 3, 8, 8]);
    assert_eq!(spread(0.5, 0), 1);
}

#[test]
fn a_prompt_is_narrowed_down_where_traffic_parts() {
    let chain = chain(3, 40);
    // Everybody sends 16 blocks, a quarter 24, few the rest.
    let share = |hash| match chain.iter().position(|h| *h == hash) {
        Some(n) if n < 16 => 1.0,
        Some(n) if n < 24 => 0.25,
        _ => 0.001,
    };
    let found: Vec<_> = levels(8, &chain, STRIDE, &share).collect();
    let told: Vec<_> = found.iter().map(|l| (l.blocks, l.endpoints)).collect();
    assert_eq!(told, [(16, 8), (24, 4), (40, 1)]);
    assert_eq!(found[2].hash, chain[27]);
    assert_eq!(popular(&chain, STRIDE, share), 24);
    assert_eq!(levels(8, &[], STRIDE, &share).count(), 0);
}

#[test]
fn the_index_knows_what_went_where_until_it_is_old() {
    let (mut index, long) = (Index::default(), chain(4, 100));
    let key = |n: u64| n << 58;
    index.add(&long[..40], None, key(3), NOW);
    index.add(&long, None, key(5), NOW);
    let depths = index.look(&long, NOW);
    assert_eq!([3, 5, 6].map(|n| depths.of(key(n))), [40, 100, 0]);
    assert_eq!(index.look(&chain(5, 100), NOW).seen, 0);
    let later = Millis(NOW.0 + 300_000);
    assert_eq!(index.look(&long, later).of(key(5)), 0, "forgotten");
    let mut other = Index::default();
    let news = index.take_news();
    assert!(index.take_news().is_empty());
    other.hear(&news, NOW);
    assert_eq!(other.look(&long, NOW).of(key(5)), 100);
    assert_eq!(other.share(long[3], NOW), 0.0, "not its own traffic");
}

#[test]
fn the_share_of_what_everybody_sends_grows_to_the_whole() {
    let mut index = Index::default();
    let system = chain(6, 8);
    for n in 0..400 {
        let prompt: Vec<_> = system.iter().copied().chain(chain(100 + n, 8)).collect();
        index.add(&prompt, None, n << 58, NOW);
    }
    assert!(index.share(system[3], NOW) > 0.9);
    assert!(index.share(chain(100, 8)[3], NOW) < 0.01);
}

#[test]
fn the_index_stays_in_its_bounds() {
    let mut index = Index::default();
    let second = |n: u64| Millis(NOW.0 + 100 * n);
    for n in 0..2_000 {
        index.add(&chain(n, 400), None, n << 58, second(n));
    }
    assert!(index.take_news().len() <= 4_096);
    assert_eq!(index.look(&chain(1_999, 400), second(2_000)).seen, 400, "the latest is there");
    assert_eq!(index.look(&chain(0, 400), second(2_000)).seen, 0, "the first made room");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn one_that_leaves_moves_only_its_own(hash: u64, endpoints in proptest::collection::hash_set(any::<u64>(), 2..40)) {
        let endpoints: Vec<_> = endpoints.into_iter().collect();
        let (before, fewer) = (best(hash, &endpoints), &endpoints[1..]);
        let after = best(hash, fewer);
        prop_assert!(after == before || before == endpoints[0]);
    }

    #[test]
    fn among_caches_of_one_size_chances_order_as_weights_do(
        hash: u64,
        endpoints in proptest::collection::hash_set(any::<u64>(), 1..40),
        cache in 1.0..1e7_f32,
    ) {
        let (mut by_weight, mut by_chance): (Vec<_>, Vec<_>) =
            endpoints.into_iter().map(|key| (key, key)).unzip();
        by_weight.sort_by(|a, b| weight(hash, *a, cache).total_cmp(&weight(hash, *b, cache)));
        by_chance.sort_by(|a, b| chance(hash, *a).total_cmp(&chance(hash, *b)));
        prop_assert_eq!(by_weight, by_chance);
    }

    #[test]
    fn a_larger_share_never_gets_fewer(a in 0.0..1.0_f32, b in 0.0..1.0_f32, endpoints in 1..100_usize) {
        let (less, more) = if a < b { (a, b) } else { (b, a) };
        prop_assert!(spread(less, endpoints) <= spread(more, endpoints));
        prop_assert!((1..=endpoints).contains(&spread(more, endpoints)));
    }

    #[test]
    fn an_estimate_is_the_same_whether_ranks_are_found_out_or_not(
        seed: u64,
        loads in proptest::collection::vec(0..20_u8, 1..30),
        known in 0..60_usize,
        name in proptest::option::of(Just("a")),
    ) {
        let id = |n| std::net::SocketAddr::from(([10, 0, 0, 1], n)).into();
        let endpoints: Vec<_> = (1..=20).map(|n| Endpoint::new(id(n))).collect();
        let (mut prefixes, chain) = (Prefixes { returning: 0.5, ..Prefixes::default() }, chain(seed, 60));
        let adapter = name.map(AdapterKey::of);
        for endpoint in endpoints.iter().take(known / 10) {
            prefixes.index.add(&chain[..known], adapter.map(AdapterKey::number), endpoint.key, NOW);
        }
        // Each second one may be picked.
        let standings = loads.iter().zip((0..endpoints.len()).step_by(2)).map(|(load, place)| {
            Standing { place, load: f32::from(*load), waiting: 0.0, adapter: Residence::Room }
        });
        let prompt = Prompt { chain: &chain, block_tokens: 16, prompt_tokens: 1_000 };
        let mut estimates = |ranked| {
            let ranking = Ranking { ranked, caches_differ: false };
            prefixes.estimate(&prompt, adapter, standings.clone(), &endpoints, ranking, NOW);
            prefixes.estimates.clone()
        };
        let mut with = estimates(true);
        prop_assert!(with.iter().any(|estimate| estimate.affinity == 1.0), "one is the first");
        with.iter_mut().for_each(|estimate| estimate.affinity = 0.0);
        prop_assert_eq!(with, estimates(false));
    }

    #[test]
    fn levels_only_narrow(seed: u64, blocks in 0..200_usize, endpoints in 1..50_usize, shares in proptest::collection::vec(0.0..1.0_f32, 50)) {
        let chain = chain(seed, blocks);
        let share = |hash| chain.iter().position(|h| *h == hash).map_or(0.0, |n| shares[n / 4]);
        let found: Vec<_> = levels(endpoints, &chain, STRIDE, &share).collect();
        prop_assert!(found.is_sorted_by(|a, b| a.endpoints > b.endpoints && a.blocks < b.blocks));
    }
}
