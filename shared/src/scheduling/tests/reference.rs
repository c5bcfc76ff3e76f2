//! What the reference does: its vectors, names and formulas.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

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
