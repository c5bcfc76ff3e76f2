//! The filter's metrics.
//!
//! Invariant: names come from the code, the configuration and discovery; no
//! client can create one. The bootstrap's `stats_tags` turn what stands behind
//! `pool`, `endpoint` and `outcome` into labels.

use std::collections::BTreeMap;

use filter_host::{Counter, MetricId, MetricKind, Sampler};
use shared::inserted;
use shared::picker::Settings;
use shared::pools::EndpointId;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Picked by scores.
    Picked,
    /// Picked without fresh metrics.
    PickedBlind,
    /// Nothing was ready; any endpoint, as the pool fails open.
    FailedOpen,
    /// Let through as Envoy balances it: nothing is known of the pool yet.
    NotKnownYet,
    /// Refused: sheddable, and the pool is saturated.
    Shed,
    /// Refused: no endpoint is ready.
    NoEndpoint,
}

impl Outcome {
    const ALL: [Self; 6] = [
        Self::Picked,
        Self::PickedBlind,
        Self::FailedOpen,
        Self::NotKnownYet,
        Self::Shed,
        Self::NoEndpoint,
    ];

    /// The value of the counter's label, and what responses say.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Picked => "picked",
            Self::PickedBlind => "picked_without_metrics",
            Self::FailedOpen => "failed_open",
            Self::NotKnownYet => "not_known_yet",
            Self::Shed => "shed",
            Self::NoEndpoint => "no_endpoint",
        }
    }
}

/// The metrics of one pool.
#[derive(Debug)]
pub struct PoolMetrics {
    requests: BTreeMap<Outcome, Counter>,
    /// Which requests the histograms get.
    pub sampler: Sampler,
    /// Microseconds that a choice took.
    pub pick_microseconds: Option<MetricId>,
    /// Milliseconds from a request's headers to the response's.
    pub first_byte_milliseconds: Option<MetricId>,
    /// Responses with a 5xx, resets and failed connections.
    pub failures: Option<Counter>,
    /// Scrapes that brought metrics.
    pub scrapes: Option<MetricId>,
    /// Scrapes that did not.
    pub scrape_failures: Option<MetricId>,
    /// Milliseconds that a scrape took.
    pub scrape_milliseconds: Option<MetricId>,
    /// Endpoints that are ready.
    pub ready: Option<MetricId>,
}

/// One request in so many goes into the histograms, as in the BBR filter.
const SAMPLE: u32 = 16;

impl PoolMetrics {
    /// Counts a request with this outcome.
    pub fn count(&self, outcome: Outcome) {
        self.requests.get(&outcome).into_iter().for_each(Counter::count);
    }

    /// Tells the host what was counted.
    pub fn flush(&self, mut add: impl FnMut(MetricId, u64)) {
        self.requests.values().chain(&self.failures).for_each(|counter| counter.flush(&mut add));
    }
}

/// The metrics of all pools.
#[derive(Debug, Default)]
pub struct Metrics {
    pools: Vec<PoolMetrics>,
}

impl Metrics {
    /// Defines the metrics of a configuration. One that the host refuses is left out.
    pub fn define(
        settings: &Settings,
        mut define: impl FnMut(MetricKind, &str) -> Option<MetricId>,
    ) -> Self {
        let pools = settings.pools.iter().map(|pool| {
            let mut metric =
                |kind, name: &str| define(kind, &format!("igw_picker_{name}.pool.{}", pool.name));
            PoolMetrics {
                sampler: Sampler::one_in(SAMPLE),
                pick_microseconds: metric(MetricKind::Histogram, "pick_microseconds"),
                first_byte_milliseconds: metric(MetricKind::Histogram, "first_byte_milliseconds"),
                failures: metric(MetricKind::Counter, "upstream_failures").map(Counter::new),
                scrapes: metric(MetricKind::Counter, "scrapes"),
                scrape_failures: metric(MetricKind::Counter, "scrape_failures"),
                scrape_milliseconds: metric(MetricKind::Histogram, "scrape_milliseconds"),
                ready: metric(MetricKind::Gauge, "ready_endpoints"),
                requests: inserted(Outcome::ALL.into_iter().filter_map(|outcome| {
                    let name = format!(
                        "igw_picker_requests.outcome.{}.pool.{}",
                        outcome.label(),
                        pool.name
                    );
                    Some((outcome, Counter::new(define(MetricKind::Counter, &name)?)))
                })),
            }
        });
        Self { pools: pools.collect() }
    }

    /// The metrics of the pool at this place.
    #[must_use]
    pub fn pool(&self, place: usize) -> Option<&PoolMetrics> {
        self.pools.get(place)
    }
}

/// The gauges of one endpoint, set by the VM that scrapes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndpointGauges {
    pub(crate) waiting: Option<MetricId>,
    pub(crate) running: Option<MetricId>,
    pub(crate) kv_permille: Option<MetricId>,
    pub(crate) in_flight: Option<MetricId>,
    pub(crate) age_milliseconds: Option<MetricId>,
    pub(crate) ready: Option<MetricId>,
}

impl EndpointGauges {
    pub(crate) fn define(
        pool: &str,
        endpoint: EndpointId,
        mut define: impl FnMut(MetricKind, &str) -> Option<MetricId>,
    ) -> Self {
        let mut gauge = |name| {
            define(
                MetricKind::Gauge,
                &format!("igw_picker_endpoint_{name}.pool.{pool}.endpoint.{endpoint}"),
            )
        };
        Self {
            waiting: gauge("waiting"),
            running: gauge("running"),
            kv_permille: gauge("kv_permille"),
            in_flight: gauge("in_flight"),
            age_milliseconds: gauge("age_milliseconds"),
            ready: gauge("ready"),
        }
    }

    /// Those that mean something only while the endpoint is there.
    pub(crate) fn of_a_living_endpoint(self) -> impl Iterator<Item = MetricId> {
        let gauges = [self.waiting, self.running, self.kv_permille, self.in_flight, self.ready];
        gauges.into_iter().flatten()
    }
}
