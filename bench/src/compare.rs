//! The contenders' times on every body, in alternating rounds.
//!
//! The same code runs natively and under Wasm; both print what they found as JSON.
//! Rejected: criterion's figures for the tables; it measures one contender after the
//! other, so what disturbs one does not disturb its rival, and it does not run here
//! under Wasm.

use crate::bodies::{Kind, Place, Size, body};
use crate::contenders::Contender;
use crate::stats::Spread;
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How often one contender is measured in one round; the fastest counts. Nothing makes
/// code faster than it is, and a preempted thread is slower than it is.
const SAMPLES: u32 = 5;
/// How long one of these takes: long against a clock's granularity, short against the
/// time a scheduler leaves a thread running.
const SAMPLE: Duration = Duration::from_millis(2);
/// How long each contender runs before it counts: caches fill, and a Wasm engine
/// replaces its first, slow code.
const WARM_UP: Duration = Duration::from_millis(100);

/// The figures of one body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The body's [`Kind::label`].
    pub kind: String,
    /// The body's size in bytes.
    pub size: usize,
    /// Bytes per nanosecond (GB/s), by contender.
    pub speeds: Vec<(Contender, Spread)>,
    /// Time of `serde_json` by the scanner's, of each round.
    pub whole_to_serde: Spread,
    /// The same, with the scanner fed in chunks.
    pub chunked_to_serde: Spread,
}

impl Row {
    /// The speed of one contender.
    #[must_use]
    pub fn speed(&self, contender: Contender) -> Option<Spread> {
        self.speeds.iter().find(|(known, _)| *known == contender).map(|(_, speed)| *speed)
    }
}

/// Measures all contenders on one body; `None` when one of them read it wrongly.
#[must_use]
pub fn compare(kind: Kind, size: Size, rounds: usize) -> Option<Row> {
    let body = body(kind, size, Place::Last);
    let mut repeats = Vec::new();
    for contender in Contender::ALL {
        repeats.push((contender, warm_up(contender, &body)?));
    }
    let mut times: Vec<Vec<f64>> = Vec::new();
    for _ in 0..rounds.max(1) {
        let round = repeats.iter().map(|(contender, repeats)| time(*contender, &body, *repeats));
        times.push(round.collect::<Option<_>>()?);
    }
    let of = |index: usize| times.iter().filter_map(move |round| round.get(index).copied());
    let position = |wanted| Contender::ALL.iter().position(|contender| *contender == wanted);
    let ratio = |ours| {
        let (ours, serde) = (position(ours)?, position(Contender::Serde)?);
        Spread::of(of(serde).zip(of(ours)).map(|(serde, ours)| serde / ours))
    };
    let speeds = Contender::ALL.iter().enumerate().map(|(index, contender)| {
        Some((*contender, Spread::of(of(index).map(|time| body.len() as f64 / time))?))
    });
    Some(Row {
        kind: kind.label().to_owned(),
        size: size.0,
        speeds: speeds.collect::<Option<_>>()?,
        whole_to_serde: ratio(Contender::Whole)?,
        chunked_to_serde: ratio(Contender::Chunked)?,
    })
}

/// Runs until warm; how many runs make a sample.
fn warm_up(contender: Contender, body: &[u8]) -> Option<u32> {
    let begin = Instant::now();
    let mut runs = 0_u32;
    while begin.elapsed() < WARM_UP || runs == 0 {
        if !contender.run(black_box(body)) {
            return None;
        }
        runs += 1;
    }
    let share = SAMPLE.as_secs_f64() / begin.elapsed().as_secs_f64();
    Some(((f64::from(runs) * share) as u32).max(1))
}

/// Nanoseconds per body.
fn time(contender: Contender, body: &[u8], repeats: u32) -> Option<f64> {
    let mut fastest = f64::INFINITY;
    for _ in 0..SAMPLES {
        let begin = Instant::now();
        let mut right = true;
        for _ in 0..repeats {
            right &= contender.run(black_box(body));
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
    fn a_row_has_a_speed_for_each_contender_and_survives_json() {
        let row = compare(Kind::Chat, Size(300), 3).unwrap();
        assert_eq!(row.speeds.len(), Contender::ALL.len());
        assert!(row.speeds.iter().all(|(_, speed)| speed.min > 0.0 && speed.min <= speed.max));
        let text = serde_json::to_string(&row).unwrap();
        let back: Row = serde_json::from_str(&text).unwrap();
        assert_eq!((back.kind, back.size), (row.kind, row.size));
    }
}
