//! From runs to figures: percentiles, and over seeds means with confidence intervals.

use crate::{Micros, SECOND};

/// One request's times.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// From sent to first token.
    pub ttft: Micros,
    /// From sent to the end.
    pub total: Micros,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Of those, found in the server's cache.
    pub cached_tokens: u32,
    /// Tokens of the answer.
    pub output_tokens: u32,
    /// Who served it.
    pub server: usize,
}

/// What a run brought.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// The requests sent after the warm-up.
    pub samples: Vec<Sample>,
    /// Prompt tokens since then.
    pub prompt_tokens: u64,
    /// Of those from a cache.
    pub cached_tokens: u64,
    /// Adapters loaded.
    pub adapter_loads: u64,
    /// Requests preempted.
    pub preemptions: u64,
    /// Servers there were.
    pub servers: usize,
}

/// A run's figures.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// Time to first token in milliseconds: p50, p90, p99.
    pub ttft: [f64; 3],
    /// Time to the end in milliseconds: p50, p90, p99.
    pub total: [f64; 3],
    /// Share of prompt tokens from caches.
    pub hit_rate: f64,
    /// The busiest server's requests over the mean.
    pub spread: f64,
    /// Adapters loaded.
    pub adapter_loads: f64,
    /// Requests per second whose first token came within the target.
    pub goodput: f64,
    /// Requests per second.
    pub rate: f64,
}

/// A first token within this is in time.
pub const TARGET: Micros = SECOND / 2;

impl Run {
    /// Its figures.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let sorted = |of: fn(&Sample) -> Micros| {
            let mut values: Vec<_> = self.samples.iter().map(of).collect();
            values.sort_unstable();
            [0.5, 0.9, 0.99].map(|share| percentile(&values, share) as f64 / 1_000.0)
        };
        let mut counts = vec![0_u64; self.servers];
        for sample in &self.samples {
            counts.get_mut(sample.server).into_iter().for_each(|count| *count += 1);
        }
        let most = counts.iter().max().copied().unwrap_or(0) as f64;
        let mean = self.samples.len().max(1) as f64 / self.servers.max(1) as f64;
        let seconds = (crate::world::HORIZON - crate::world::WARM_UP) as f64 / SECOND as f64;
        let in_time = self.samples.iter().filter(|sample| sample.ttft <= TARGET).count();
        Figures {
            ttft: sorted(|sample| sample.ttft),
            total: sorted(|sample| sample.total),
            hit_rate: self.cached_tokens as f64 / self.prompt_tokens.max(1) as f64,
            spread: most / mean,
            adapter_loads: self.adapter_loads as f64,
            goodput: in_time as f64 / seconds,
            rate: self.samples.len() as f64 / seconds,
        }
    }
}

pub(crate) fn percentile(sorted: &[Micros], share: f64) -> Micros {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

/// A mean over seeds, and half the width of its 95 % confidence interval.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Half of the interval.
    pub half: f64,
}

impl Mean {
    /// Of these values; Student's t for so few.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n.max(1.0);
        if values.len() < 2 {
            return Self { mean, half: 0.0 };
        }
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        // Two-sided 95 % for 1 to 9 degrees of freedom.
        const T: [f64; 9] = [12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];
        let t = T.get(values.len() - 2).copied().unwrap_or(2.0);
        Self { mean, half: t * (variance / n).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_values_that_occurred() {
        let values: Vec<_> = (1..=100).collect();
        assert_eq!(percentile(&values, 0.9), 90);
        assert_eq!(percentile(&values, 0.5), 50);
        assert_eq!(percentile(&[7], 0.99), 7);
        assert_eq!(percentile(&[], 0.5), 0);
    }

    #[test]
    fn intervals_follow_student() {
        let mean = Mean::of(&[1.0, 2.0, 3.0]);
        assert_eq!(mean.mean, 2.0);
        assert!((mean.half - 4.303 / 3.0_f64.sqrt()).abs() < 1e-9);
        assert_eq!(Mean::of(&[5.0]).half, 0.0);
    }
}
