//! How long the simulated GPU takes.
//!
//! Invariant: every duration goes through [`Clockwork`], which applies the time
//! scale once and the jitter from one seeded generator; so a seed and an order
//! of requests give the same times.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::time::Duration;

/// Time of a prefill whatever its length: launch, sampling, detokenizing.
pub const PREFILL_BASE: Duration = Duration::from_millis(8);
/// Prefill time per token that is not in the prefix cache: 200,000 tokens per
/// second, several times a current GPU with an 8B model, so that demos with
/// long prompts answer at once.
pub const PREFILL_PER_TOKEN: Duration = Duration::from_micros(5);
/// Time between two tokens of a request that runs alone; 100 tokens take 0.3 s.
pub const DECODE_BASE: Duration = Duration::from_millis(3);
/// Added to the time between tokens per further running request: a larger
/// batch is slower per request and faster in sum.
pub const DECODE_PER_RUNNING: Duration = Duration::from_micros(20);
/// Copying an adapter's weights into a GPU slot.
pub const LORA_LOAD: Duration = Duration::from_millis(30);
/// Each duration varies by this share, up and down.
pub const JITTER: f64 = 0.05;

/// The simulated GPU's speed; the default is the constants of this module.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timings {
    /// Time of a prefill whatever its length.
    pub prefill_base: Duration,
    /// Prefill time per uncached token.
    pub prefill_per_token: Duration,
    /// Time between two tokens of a request that runs alone.
    pub decode_base: Duration,
    /// Added to it per further running request.
    pub decode_per_running: Duration,
    /// Loading an adapter into a slot.
    pub lora_load: Duration,
    /// Share by which each duration varies, 0 (none) to 1.
    pub jitter: f64,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            prefill_base: PREFILL_BASE,
            prefill_per_token: PREFILL_PER_TOKEN,
            decode_base: DECODE_BASE,
            decode_per_running: DECODE_PER_RUNNING,
            lora_load: LORA_LOAD,
            jitter: JITTER,
        }
    }
}

/// Timings with scale and seeded jitter applied.
#[derive(Debug)]
pub struct Clockwork {
    timings: Timings,
    scale: f64,
    dice: StdRng,
}

impl Clockwork {
    /// `scale` 1 is as configured, 0 instantly, 10 ten times slower.
    pub fn new(timings: Timings, scale: f64, seed: u64) -> Self {
        Self { timings, scale, dice: StdRng::seed_from_u64(seed) }
    }

    /// Time of one prefill of `uncached` tokens.
    pub fn prefill(&mut self, uncached: usize) -> Duration {
        let tokens = u32::try_from(uncached).unwrap_or(u32::MAX);
        let plain = self.timings.prefill_base + self.timings.prefill_per_token * tokens;
        self.real(plain)
    }

    /// Time to a request's next token while `running` requests run.
    pub fn decode(&mut self, running: usize) -> Duration {
        self.real(self.plain_decode(running))
    }

    /// The same without jitter.
    pub fn typical_decode(&self, running: usize) -> Duration {
        scaled(self.plain_decode(running), self.scale)
    }

    /// Time to load an adapter.
    pub fn lora_load(&mut self) -> Duration {
        self.real(self.timings.lora_load)
    }

    fn plain_decode(&self, running: usize) -> Duration {
        let others = u32::try_from(running.saturating_sub(1)).unwrap_or(u32::MAX);
        self.timings.decode_base + self.timings.decode_per_running * others
    }

    fn real(&mut self, plain: Duration) -> Duration {
        let jitter = self.timings.jitter;
        let factor =
            if jitter > 0.0 { self.dice.random_range(1.0 - jitter..=1.0 + jitter) } else { 1.0 };
        scaled(plain, self.scale * factor)
    }
}

/// A year bounds what an absurd scale gives, so that sums never overflow.
fn scaled(plain: Duration, factor: f64) -> Duration {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    Duration::try_from_secs_f64(plain.as_secs_f64() * factor).unwrap_or(YEAR).min(YEAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_times_and_jitter_stays_in_its_bounds() {
        let mut one = Clockwork::new(Timings::default(), 1.0, 7);
        let mut two = Clockwork::new(Timings::default(), 1.0, 7);
        for _ in 0..100 {
            let time = one.decode(1);
            assert_eq!(time, two.decode(1));
            assert!(time >= DECODE_BASE.mul_f64(1.0 - JITTER - 1e-9));
            assert!(time <= DECODE_BASE.mul_f64(1.0 + JITTER + 1e-9));
        }
    }

    #[test]
    fn scale_zero_takes_no_time() {
        let mut clockwork = Clockwork::new(Timings::default(), 0.0, 7);
        assert_eq!(clockwork.prefill(1_000_000), Duration::ZERO);
        assert_eq!(clockwork.lora_load(), Duration::ZERO);
    }
}
