//! The larger and the smaller of two numbers, for what is done for each endpoint of a pick.
//!
//! Not `f32::max` and `f32::min`: Wasm has no instructions with their rule for NaN, so each is
//! a call, and a handful of them were a third of a pick by a prompt. Here the second one comes
//! out if either is NaN.

/// The larger one.
pub(super) fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// The smaller one.
pub(super) fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}
