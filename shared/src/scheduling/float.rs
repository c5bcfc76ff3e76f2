//! The larger and the smaller of two numbers, for what is done for each endpoint of a pick.
//!
//! Not `f32::max` and `f32::min`: Wasm has no instructions with their rule for NaN, so each is
//! a call, and a handful of them were a third of a pick by a prompt. Here the second one comes
//! out if either is NaN.
//!
//! What folds many numbers into one does so in lanes, since floating-point operations may not
//! be put in another order by a compiler, and one after the other each waits for the last.

/// The larger one.
pub(super) fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// The smaller one.
pub(super) fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// Numbers that are folded beside each other: two of Wasm's vectors, so that neither waits.
pub(super) const LANES: usize = 8;

/// Folds many numbers, each into one of the lanes.
#[inline(always)]
fn lanes(values: &[f32], start: f32, fold: impl Fn(f32, f32) -> f32) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut lanes = [start; LANES];
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = fold(*value, *lane);
        }
    }
    rest.iter().chain(&lanes).fold(start, |folded, value| fold(*value, folded))
}

/// The smallest; infinity if there is none. NaN counts as none.
pub(super) fn smallest(values: &[f32]) -> f32 {
    lanes(values, f32::INFINITY, smaller)
}

/// The largest; negative infinity if there is none. NaN counts as none.
pub(super) fn largest(values: &[f32]) -> f32 {
    lanes(values, f32::NEG_INFINITY, larger)
}

/// The sum.
pub(super) fn sum(values: &[f32]) -> f32 {
    lanes(values, 0.0, |value, sum| sum + value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn lanes_find_what_one_after_the_other_finds(
            values in proptest::collection::vec(-9_i16..9, 0..40),
        ) {
            let mut values: Vec<_> = values.into_iter().map(f32::from).collect();
            prop_assert_eq!(sum(&values), values.iter().sum::<f32>());
            // As if it were not there.
            values.iter_mut().filter(|value| **value == 3.0).for_each(|value| *value = f32::NAN);
            prop_assert_eq!(smallest(&values), values.iter().copied().fold(f32::INFINITY, f32::min));
            let largest_one = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            prop_assert_eq!(largest(&values), largest_one);
        }
    }
}
