//! The contenders' times on every kind and size of body, in alternating rounds, the bodies
//! in turn.
//!
//! The same code runs natively and under Wasm; both print what they found as JSON.

use crate::bodies::{Kind, Place, Size, varied};
use crate::contenders::Contender;
use crate::stats::Spread;
use crate::timing::{time, warm_up};
use serde::{Deserialize, Serialize};
use std::hint::black_box;

/// The figures of one kind and size of body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The body's [`Kind::label`].
    pub kind: String,
    /// A body's size in bytes.
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

/// Measures all contenders on the same bodies; `None` when one of them read one wrongly.
#[must_use]
pub fn compare(kind: Kind, size: Size, rounds: usize) -> Option<Row> {
    let bodies = varied(kind, size, Place::Last);
    let mut next = bodies.iter().cycle();
    let mut read = |contender: Contender| {
        next.next().is_some_and(|body| contender.run(black_box(body.as_slice())))
    };
    let mut repeats = Vec::new();
    for contender in Contender::ALL {
        repeats.push((contender, warm_up(|| read(contender))?));
    }
    let mut times: Vec<Vec<f64>> = Vec::new();
    for _ in 0..rounds.max(1) {
        let round = repeats.iter().map(|(contender, repeats)| time(*repeats, || read(*contender)));
        times.push(round.collect::<Option<_>>()?);
    }
    let of = |index: usize| times.iter().filter_map(move |round| round.get(index).copied());
    let position = |wanted| Contender::ALL.iter().position(|contender| *contender == wanted);
    let ratio = |ours| {
        let (ours, serde) = (position(ours)?, position(Contender::Serde)?);
        Spread::of(of(serde).zip(of(ours)).map(|(serde, ours)| serde / ours))
    };
    let speeds = Contender::ALL.iter().enumerate().map(|(index, contender)| {
        Some((*contender, Spread::of(of(index).map(|time| size.0 as f64 / time))?))
    });
    Some(Row {
        kind: kind.label().to_owned(),
        size: size.0,
        speeds: speeds.collect::<Option<_>>()?,
        whole_to_serde: ratio(Contender::Whole)?,
        chunked_to_serde: ratio(Contender::Chunked)?,
    })
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
