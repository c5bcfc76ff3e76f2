//! When sessions start.

use crate::chance::Chance;
use crate::{Micros, SECOND};

/// How the rate changes over the run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// Always the same.
    Steady,
    /// For two of every twelve seconds four times the rate, else two fifths of it.
    Bursts,
    /// A day in a minute: from a quarter of the rate to seven quarters.
    Day,
}

impl Shape {
    fn factor(self, at: f64) -> f64 {
        match self {
            Self::Steady => 1.0,
            Self::Bursts => {
                if at % 12.0 < 2.0 {
                    4.0
                } else {
                    0.4
                }
            }
            Self::Day => 1.0 - 0.75 * (at / 60.0 * std::f64::consts::TAU).cos(),
        }
    }

    /// Starts of sessions until `horizon`: a Poisson process of `rate` per second.
    pub(super) fn starts(self, rate: f64, horizon: Micros, chance: &mut Chance) -> Vec<Micros> {
        const HIGHEST: f64 = 4.0;
        let (mut at, mut starts) = (0.0, Vec::new());
        loop {
            at += chance.exponential(1.0 / (rate * HIGHEST));
            let micros = (at * SECOND as f64) as Micros;
            if micros >= horizon {
                return starts;
            }
            if chance.unit() * HIGHEST < self.factor(at) {
                starts.push(micros);
            }
        }
    }
}
