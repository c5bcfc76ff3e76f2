//! What holds of every pick, whatever the pool.

use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

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
