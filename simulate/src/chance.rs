//! Distributions over the seeded generator of `shared`.

use shared::random::Random;

/// Chance with a seed.
#[derive(Debug, Clone)]
pub struct Chance(Random);

impl Chance {
    /// A generator for this seed and purpose; two purposes are independent.
    #[must_use]
    pub fn new(seed: u64, purpose: u64) -> Self {
        Self(Random::new(mix(seed, purpose)))
    }

    /// The generator itself.
    pub fn random(&mut self) -> &mut Random {
        &mut self.0
    }

    /// Uniform in 0 (excluded) to 1.
    pub fn unit(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) as f64 + 1.0) / (1_u64 << 53) as f64
    }

    /// One of `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.0.below(n)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Exponential with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.unit().ln()
    }

    /// Log-normal by median and spread (sigma of the logarithm).
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        let (a, b) = (self.unit(), self.unit());
        let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
        median * (sigma * normal).exp()
    }

    /// Uniform between two numbers.
    pub fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.unit()
    }
}

/// Zipf's law over `n` ranks, by table.
#[derive(Debug, Clone)]
pub struct Zipf(Vec<f64>);

impl Zipf {
    /// Rank `k` (from 0) has weight `1 / (k + 1)^exponent`.
    #[must_use]
    pub fn new(n: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let table = (1..=n).map(|k| {
            sum += (k as f64).powf(-exponent);
            sum
        });
        Self(table.collect())
    }

    /// A rank.
    pub fn draw(&self, chance: &mut Chance) -> usize {
        let wanted = chance.unit() * self.0.last().copied().unwrap_or(0.0);
        self.0.partition_point(|sum| *sum < wanted).min(self.0.len().saturating_sub(1))
    }
}

/// Mixes two numbers into one that looks random.
#[must_use]
pub fn mix(a: u64, b: u64) -> u64 {
    Random::new(a ^ b.wrapping_mul(0xd6e8_feb8_6659_fd93)).next_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_repeat_and_purposes_differ() {
        let draw = |seed, purpose| Chance::new(seed, purpose).number();
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn distributions_have_their_means() {
        let mut chance = Chance::new(1, 1);
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let exponential = mean((0..20_000).map(|_| chance.exponential(3.0)).collect());
        assert!((exponential - 3.0).abs() < 0.1, "{exponential}");
        let mut values: Vec<_> = (0..20_001).map(|_| chance.log_normal(100.0, 0.5)).collect();
        values.sort_by(f64::total_cmp);
        assert!((values[10_000] - 100.0).abs() < 3.0, "{}", values[10_000]);
        let zipf = Zipf::new(10, 1.0);
        let firsts = (0..20_000).filter(|_| zipf.draw(&mut chance) == 0).count();
        assert!((firsts as f64 / 20_000.0 - 0.341).abs() < 0.02, "{firsts}");
    }
}
