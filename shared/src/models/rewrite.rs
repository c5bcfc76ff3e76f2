//! A client-facing name that stands for one of several models.

use super::name::ModelName;
use crate::hash::fnv1a;
use crate::random::Random;

/// One of the models a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewriteTarget {
    /// The model that is asked instead.
    pub model: ModelName,
    /// Its share of the requests, relative to the sum of all weights.
    pub weight: u32,
}

/// Weighted targets of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    targets: Vec<RewriteTarget>,
    total: u64,
}

/// No target has a weight above 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at least one target needs a weight above 0")]
pub struct NoWeight;

impl Split {
    /// A split among `targets` by their weights.
    ///
    /// # Errors
    /// The weights add up to 0.
    pub fn new(targets: Vec<RewriteTarget>) -> Result<Self, NoWeight> {
        let total = targets.iter().map(|target| u64::from(target.weight)).sum();
        if total == 0 { Err(NoWeight) } else { Ok(Self { targets, total }) }
    }

    /// The targets, in the order of the configuration.
    #[must_use]
    pub fn targets(&self) -> &[RewriteTarget] {
        &self.targets
    }

    /// The target for a request that brings this number along. The same number
    /// gives the same target; evenly spread numbers give the weights' shares.
    #[must_use]
    pub fn choose(&self, number: u64) -> Option<&ModelName> {
        // Spread, so that neighbouring numbers (clock readings) and FNV's weak low
        // bits do not bias the shares.
        let mut point = Random::new(number).next_u64().checked_rem(self.total).unwrap_or(0);
        for target in &self.targets {
            match point.checked_sub(u64::from(target.weight)) {
                Some(rest) => point = rest,
                None => return Some(&target.model),
            }
        }
        None
    }

    /// The target for a request id.
    #[must_use]
    pub fn choose_by_id(&self, request_id: &[u8]) -> Option<&ModelName> {
        self.choose(fnv1a(request_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn split(weights: &[u32]) -> Split {
        let targets = weights.iter().enumerate().map(|(n, &weight)| RewriteTarget {
            model: ModelName::try_from(format!("m{n}")).expect("a name"),
            weight,
        });
        Split::new(targets.collect()).expect("a weight")
    }

    #[test]
    fn shares_follow_the_weights() {
        let split = split(&[90, 10, 0]);
        let mut counts = [0_u32; 3];
        for n in 0..10_000_u32 {
            let name = split.choose_by_id(format!("id-{n}").as_bytes()).expect("a target");
            counts[usize::from(name.as_str().as_bytes()[1] - b'0')] += 1;
        }
        assert!((8_700..9_300).contains(&counts[0]), "{counts:?}");
        assert_eq!(counts[2], 0);
        assert_eq!(counts.iter().sum::<u32>(), 10_000);
    }

    #[test]
    fn one_request_id_always_gives_one_target() {
        let split = split(&[1, 1, 1]);
        let first = split.choose_by_id(b"8c0f");
        assert!((0..100).all(|_| split.choose_by_id(b"8c0f") == first));
    }

    #[test]
    fn weights_of_zero_alone_are_refused() {
        assert_eq!(Split::new(vec![]), Err(NoWeight));
    }
}
