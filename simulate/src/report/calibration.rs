//! How far the model is from the demo's servers behind a real Envoy.
//!
//! Invariant: the section is made of stored figures alone, so that the report can be
//! written anew without an Envoy, and the calibration without the rest of the report.

mod section;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Micros;
use crate::figures::{Mean, Sample, percentile};

pub use section::{HEADING, replace, section};

/// The stored figures' file, in the folder of the report's plots.
pub const FILE: &str = "calibration.json";

/// What was measured, and on what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The Envoy's version.
    pub envoy: String,
    /// The machine's cores, all of which Envoy, servers and clients shared.
    pub cores: usize,
    /// Runnable processes over the last minute, when it began.
    pub load: f64,
    /// Seconds during which requests were sent.
    pub seconds: u64,
    /// Of those, the first, which only filled the caches.
    pub warm_up: u64,
    /// The runs.
    pub rounds: Vec<Round>,
}

/// Where requests were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Side {
    /// To a real Envoy, with the demo's servers behind it.
    Envoy,
    /// To the model.
    Model,
    /// To the model with the demo's servers' engine in place of its own.
    Engine,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Round {
    /// The workload's name.
    pub workload: String,
    /// The policy's name.
    pub policy: String,
    /// The workload's seed.
    pub seed: u64,
    /// Where.
    pub side: Side,
    /// By figure.
    pub figures: BTreeMap<Figure, f64>,
    /// Milliseconds after its time at which one in a hundred requests left, or later; 0 in
    /// the model.
    pub late: f64,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Figure {
    /// Time to first token in milliseconds, p50.
    TtftP50,
    /// The same, p90.
    TtftP90,
    /// Time to the end in milliseconds, p50.
    TotalP50,
    /// The same, p90.
    TotalP90,
    /// Share of prompt tokens from the servers' caches.
    HitRate,
    /// The busiest server's requests over the mean.
    Spread,
}

impl Figure {
    /// All.
    pub const ALL: [Self; 6] =
        [Self::TtftP50, Self::TtftP90, Self::TotalP50, Self::TotalP90, Self::HitRate, Self::Spread];

    /// Its name in the tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TtftP50 => "TTFT p50",
            Self::TtftP90 => "TTFT p90",
            Self::TotalP50 => "Whole p50",
            Self::TotalP90 => "Whole p90",
            Self::HitRate => "Hit rate",
            Self::Spread => "Busiest / mean",
        }
    }

    fn is_time(self) -> bool {
        !matches!(self, Self::HitRate | Self::Spread)
    }
}

/// A run's figures, the same for all sides.
#[must_use]
pub fn figures(samples: &[Sample], servers: usize) -> BTreeMap<Figure, f64> {
    let at = |share: f64, of: fn(&Sample) -> Micros| {
        let mut values: Vec<_> = samples.iter().map(of).collect();
        values.sort_unstable();
        percentile(&values, share) as f64 / 1_000.0
    };
    let sum = |of: fn(&Sample) -> u32| samples.iter().map(|s| f64::from(of(s))).sum::<f64>();
    let to = |server| samples.iter().filter(|sample| sample.server == server).count();
    let most = (0..servers).map(to).max().unwrap_or(0) as f64;
    let value = |figure| match figure {
        Figure::TtftP50 => at(0.5, |s| s.ttft),
        Figure::TtftP90 => at(0.9, |s| s.ttft),
        Figure::TotalP50 => at(0.5, |s| s.total),
        Figure::TotalP90 => at(0.9, |s| s.total),
        Figure::HitRate => sum(|s| s.cached_tokens) / sum(|s| s.prompt_tokens).max(1.0),
        Figure::Spread => most * servers as f64 / samples.len().max(1) as f64,
    };
    Figure::ALL.into_iter().map(|figure| (figure, value(figure))).collect()
}

/// Stored figures cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// The file cannot be read or written.
    #[error("cannot use {path}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("{path} does not hold the figures of this version: calibrate again")]
    Json {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
}

impl Calibration {
    /// Those of a folder; none if there was no calibration.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else.
    pub fn load(folder: &Path) -> Result<Option<Self>, CalibrationError> {
        let path = folder.join(FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text)
                .map(Some)
                .map_err(|source| CalibrationError::Json { path, source }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(CalibrationError::File { path, source }),
        }
    }

    /// Keeps them in a folder, to a thousandth: more is noise, and long fractions do not
    /// come back from JSON to the last bit.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), CalibrationError> {
        let path = folder.join(FILE);
        let json = |source| CalibrationError::Json { path: path.clone(), source };
        let mut rounded = self.clone();
        for round in &mut rounded.rounds {
            let values = round.figures.values_mut().chain([&mut round.late]);
            values.for_each(|value| *value = (*value * 1_000.0).round() / 1_000.0);
        }
        let text = serde_json::to_string_pretty(&rounded).map_err(json)? + "\n";
        std::fs::write(&path, text).map_err(|source| CalibrationError::File { path, source })
    }

    fn values(&self, workload: &str, policy: &str, side: Side, figure: Figure) -> Vec<(u64, f64)> {
        let rounds = self.rounds.iter();
        let these = rounds.filter(|round| {
            (round.workload.as_str(), round.policy.as_str(), round.side) == (workload, policy, side)
        });
        let value = |round: &Round| Some((round.seed, *round.figures.get(&figure)?));
        these.filter_map(value).collect()
    }

    /// A figure over the seeds.
    fn mean(&self, workload: &str, policy: &str, side: Side, figure: Figure) -> Mean {
        let values = self.values(workload, policy, side, figure);
        Mean::of(&values.iter().map(|(_, value)| *value).collect::<Vec<_>>())
    }

    /// One policy's figure over another's, seed by seed.
    fn ratio(&self, workload: &str, [of, to]: [&str; 2], side: Side, figure: Figure) -> Mean {
        let of = self.values(workload, of, side, figure);
        let to: BTreeMap<_, _> = self.values(workload, to, side, figure).into_iter().collect();
        let ratios = of.iter().filter_map(|(seed, of)| Some(of / to.get(seed)?));
        Mean::of(&ratios.collect::<Vec<_>>())
    }
}
