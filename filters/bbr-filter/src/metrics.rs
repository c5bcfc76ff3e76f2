//! The filter's metrics: defined once per configuration, then used by number.
//!
//! Invariant: every part of a metric's name comes from the code or from the
//! configuration, so no client can create metrics. The bootstrap's `stats_tags`
//! turn the parts behind `outcome` and `model` into labels.

use std::collections::BTreeMap;

use filter_host::{MetricId, MetricKind};
use shared::bbr::{Outcome, Settings};
use shared::models::ModelName;

/// The numbers of all metrics.
#[derive(Debug)]
pub struct Metrics {
    outcomes: Vec<(Outcome, MetricId)>,
    models: BTreeMap<ModelName, MetricId>,
    rewrites: BTreeMap<ModelName, MetricId>,
    /// Bytes of each body that was read to its end.
    pub body_bytes: Option<MetricId>,
    /// Microseconds that reading a body took in the filter, per request.
    pub scan_microseconds: Option<MetricId>,
}

impl Metrics {
    /// Defines the metrics for a configuration. One that the host refuses is left
    /// out: a gateway without a counter is better than none.
    pub fn define(
        settings: &Settings,
        mut define: impl FnMut(MetricKind, &str) -> Option<MetricId>,
    ) -> Self {
        let mut counter = |name: String| define(MetricKind::Counter, &name);
        let outcomes = Outcome::ALL
            .iter()
            .filter_map(|&outcome| {
                let id = counter(format!("igw_bbr_requests.outcome.{}", outcome.label()))?;
                Some((outcome, id))
            })
            .collect();
        let mut per_model = |metric: &str, name: &ModelName| {
            Some((name.clone(), counter(format!("{metric}.model.{name}"))?))
        };
        let models = settings
            .catalog
            .iter()
            .filter_map(|(name, _)| per_model("igw_bbr_model_requests", name))
            .collect();
        let rewrites = settings
            .rewrites
            .keys()
            .filter_map(|name| per_model("igw_bbr_rewrites", name))
            .collect();
        Self {
            outcomes,
            models,
            rewrites,
            body_bytes: define(MetricKind::Histogram, "igw_bbr_body_bytes"),
            scan_microseconds: define(MetricKind::Histogram, "igw_bbr_scan_microseconds"),
        }
    }

    /// The counter of requests with an outcome.
    #[must_use]
    pub fn outcome(&self, outcome: Outcome) -> Option<MetricId> {
        self.outcomes.iter().find(|(known, _)| *known == outcome).map(|(_, id)| *id)
    }

    /// The counter of requests that went to a configured model.
    #[must_use]
    pub fn model(&self, name: &ModelName) -> Option<MetricId> {
        self.models.get(name).copied()
    }

    /// The counter of requests that asked for a name and got another model.
    #[must_use]
    pub fn rewrite(&self, asked: &str) -> Option<MetricId> {
        self.rewrites.get(asked).copied()
    }
}
