//! The filter's metrics: defined once per configuration, then used by number.
//!
//! Invariant: every part of a metric's name comes from the code or from the
//! configuration, so no client can create metrics. The bootstrap's `stats_tags`
//! turn the parts behind `outcome` and `model` into labels.

use std::collections::BTreeMap;

use filter_host::{Counter, MetricId, MetricKind, Sampler};
use shared::bbr::{Outcome, Settings};
use shared::inserted;
use shared::models::ModelName;

/// One request in so many goes into the histograms: each costs four calls into the
/// host, and a quantile is the same from a sixteenth.
const SAMPLE: u32 = 16;

/// All metrics.
#[derive(Debug)]
pub struct Metrics {
    outcomes: Vec<(Outcome, Counter)>,
    models: BTreeMap<ModelName, Counter>,
    rewrites: BTreeMap<ModelName, Counter>,
    /// Names that model servers give another meaning than the configuration.
    pub adapter_clashes: Option<Counter>,
    /// Which requests the histograms get.
    pub sampler: Sampler,
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
        let mut counter = |name: String| define(MetricKind::Counter, &name).map(Counter::new);
        let outcomes = inserted(Outcome::ALL.iter().filter_map(|&outcome| {
            let id = counter(format!("igw_bbr_requests.outcome.{}", outcome.label()))?;
            Some((outcome, id))
        }));
        let mut per_model = |metric: &str, name: &ModelName| {
            Some((name.clone(), counter(format!("{metric}.model.{name}"))?))
        };
        let models = settings.catalog.iter().map(|(name, _)| name);
        let models = inserted(models.filter_map(|name| per_model("igw_bbr_model_requests", name)));
        let rewrites = settings.rewrites.keys();
        let rewrites = inserted(rewrites.filter_map(|name| per_model("igw_bbr_rewrites", name)));
        Self {
            outcomes,
            models,
            rewrites,
            adapter_clashes: settings
                .learn_adapters
                .then(|| define(MetricKind::Counter, "igw_bbr_adapter_clashes").map(Counter::new))
                .flatten(),
            sampler: Sampler::one_in(SAMPLE),
            body_bytes: define(MetricKind::Histogram, "igw_bbr_body_bytes"),
            scan_microseconds: define(MetricKind::Histogram, "igw_bbr_scan_microseconds"),
        }
    }

    /// Counts a request with this outcome.
    pub fn count_outcome(&self, outcome: Outcome) {
        self.outcomes
            .iter()
            .filter(|(known, _)| *known == outcome)
            .for_each(|(_, counter)| counter.count());
    }

    /// Counts a request that went to a model, if the configuration names it.
    pub fn count_model(&self, name: &ModelName) {
        self.models.get(name).into_iter().for_each(Counter::count);
    }

    /// Counts a request that asked for this name and got another model.
    pub fn count_rewrite(&self, asked: &str) {
        self.rewrites.get(asked).into_iter().for_each(Counter::count);
    }

    /// What was counted and not told yet, by the outcomes' labels.
    pub fn pending_outcomes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let pending =
            self.outcomes.iter().map(|(outcome, count)| (outcome.label(), count.pending()));
        pending.filter(|(_, count)| *count > 0)
    }

    /// Tells the host what was counted.
    pub fn flush(&self, mut add: impl FnMut(MetricId, u64)) {
        let outcomes = self.outcomes.iter().map(|(_, counter)| counter);
        outcomes
            .chain(self.models.values())
            .chain(self.rewrites.values())
            .chain(&self.adapter_clashes)
            .for_each(|counter| counter.flush(&mut add));
    }
}
