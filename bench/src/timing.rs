//! How long a function takes, natively and under Wasm alike.
//!
//! Invariant: a function that says it went wrong has no time. Rejected: criterion for the
//! tables; it measures one after the other, so what disturbs one does not disturb its
//! rival, and it does not run here under Wasm.

use std::time::{Duration, Instant};

/// How often a function is measured in one round; the fastest counts. Nothing makes code
/// faster than it is, and a preempted thread is slower than it is.
const SAMPLES: u32 = 5;
/// How long one of these takes: long against a clock's granularity, short against the
/// time a scheduler leaves a thread running.
const SAMPLE: Duration = Duration::from_millis(2);
/// How long a function runs before it counts: caches fill, and a Wasm engine replaces its
/// first, slow code.
const WARM_UP: Duration = Duration::from_millis(100);

/// Runs until warm; how many runs make a sample, or `None` if one went wrong.
pub fn warm_up(mut run: impl FnMut() -> bool) -> Option<u32> {
    let begin = Instant::now();
    let mut runs = 0_u32;
    while begin.elapsed() < WARM_UP || runs == 0 {
        if !run() {
            return None;
        }
        runs += 1;
    }
    let share = SAMPLE.as_secs_f64() / begin.elapsed().as_secs_f64();
    Some(((f64::from(runs) * share) as u32).max(1))
}

/// Nanoseconds per run, or `None` if one went wrong.
pub fn time(repeats: u32, mut run: impl FnMut() -> bool) -> Option<f64> {
    let mut fastest = f64::INFINITY;
    for _ in 0..SAMPLES {
        let begin = Instant::now();
        let mut right = true;
        for _ in 0..repeats {
            right &= run();
        }
        fastest = fastest.min(begin.elapsed().as_secs_f64() * 1e9 / f64::from(repeats));
        if !right {
            return None;
        }
    }
    Some(fastest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_goes_wrong_has_no_time() {
        assert_eq!(warm_up(|| false), None);
        let mut left = 7;
        assert_eq!(
            time(2, || {
                left -= 1;
                left > 0
            }),
            None
        );
    }

    #[test]
    fn a_sample_takes_about_its_time() {
        let wait = || {
            let begin = Instant::now();
            while begin.elapsed() < Duration::from_micros(100) {}
            true
        };
        let repeats = warm_up(wait).unwrap();
        assert!((1..=20).contains(&repeats), "{repeats}");
        assert!(time(repeats, wait).unwrap() >= 100_000.0);
    }
}
