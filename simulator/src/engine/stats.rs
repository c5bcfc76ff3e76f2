//! What the engine counted since it started: the material of `/metrics`.
//!
//! Invariant: counters only grow; a histogram's bucket bounds are vLLM's and
//! never change. A metrics registry crate is rejected: the exposition has to
//! mimic Python's client down to `_created` lines, which none of them writes.

use std::time::Duration;

/// Bounds for times to first token, in seconds.
pub const FIRST_TOKEN_BOUNDS: &[f64] = &[
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    20.0, 40.0, 80.0, 160.0, 640.0, 2560.0,
];
/// Bounds for times between tokens, in seconds.
pub const TOKEN_BOUNDS: &[f64] = &[
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0,
    40.0, 80.0,
];
/// Bounds for whole requests and their phases, in seconds.
pub const REQUEST_BOUNDS: &[f64] = &[
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0,
    480.0, 960.0, 1920.0, 7680.0,
];
/// Bounds for token counts; vLLM's 1-2-5 series up to a context of 131,072.
pub const LENGTH_BOUNDS: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0,
    20_000.0, 50_000.0, 100_000.0,
];
/// Bounds for the `n` parameter.
pub const N_BOUNDS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0];

/// A cumulative histogram.
#[derive(Clone, Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One per bound and one for the rest; not cumulative.
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    /// Counts a value.
    pub fn observe(&mut self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum += value;
    }

    /// Counts a duration in seconds.
    pub fn observe_time(&mut self, value: Duration) {
        self.observe(value.as_secs_f64());
    }

    /// Bounds with the number of values up to each; the last bound is infinity.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(self.counts.iter().scan(0, |total, count| {
            *total += count;
            Some(*total)
        }))
    }

    /// Sum of all values.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Number of all values.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Finish {
    /// The model was done.
    Stop,
    /// The token limit was reached.
    Length,
    /// The client went away.
    Abort,
}

impl Finish {
    /// The word of OpenAI's and vLLM's interfaces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Abort => "abort",
        }
    }
}

/// The counters and histograms. Field names follow vLLM's metric names.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Stats {
    pub prompt_tokens: u64,
    pub generation_tokens: u64,
    pub prefix_cache_queries: u64,
    pub prefix_cache_hits: u64,
    pub stopped: u64,
    pub length_limited: u64,
    pub aborted: u64,
    pub lora_loads: u64,
    pub time_to_first_token: Histogram,
    pub inter_token_latency: Histogram,
    pub e2e_request_latency: Histogram,
    pub request_queue_time: Histogram,
    pub request_prefill_time: Histogram,
    pub request_decode_time: Histogram,
    pub request_inference_time: Histogram,
    pub request_prompt_tokens: Histogram,
    pub request_generation_tokens: Histogram,
    pub request_params_max_tokens: Histogram,
    pub request_params_n: Histogram,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            prompt_tokens: 0,
            generation_tokens: 0,
            prefix_cache_queries: 0,
            prefix_cache_hits: 0,
            stopped: 0,
            length_limited: 0,
            aborted: 0,
            lora_loads: 0,
            time_to_first_token: Histogram::new(FIRST_TOKEN_BOUNDS),
            inter_token_latency: Histogram::new(TOKEN_BOUNDS),
            e2e_request_latency: Histogram::new(REQUEST_BOUNDS),
            request_queue_time: Histogram::new(REQUEST_BOUNDS),
            request_prefill_time: Histogram::new(REQUEST_BOUNDS),
            request_decode_time: Histogram::new(REQUEST_BOUNDS),
            request_inference_time: Histogram::new(REQUEST_BOUNDS),
            request_prompt_tokens: Histogram::new(LENGTH_BOUNDS),
            request_generation_tokens: Histogram::new(LENGTH_BOUNDS),
            request_params_max_tokens: Histogram::new(LENGTH_BOUNDS),
            request_params_n: Histogram::new(N_BOUNDS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_a_bound_belongs_to_its_bucket() {
        let mut histogram = Histogram::new(N_BOUNDS);
        for value in [1.0, 2.0, 3.0, 100.0] {
            histogram.observe(value);
        }
        let counts: Vec<u64> = histogram.buckets().map(|(_, count)| count).collect();
        assert_eq!(counts, [1, 2, 3, 3, 3, 4]);
        assert_eq!((histogram.sum(), histogram.count()), (106.0, 4));
    }
}
