//! Metrics by number: defined once per configuration, then used by id.

/// The host's number of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricId(pub u32);

/// Kinds of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Has a value now.
    Gauge,
    /// A distribution.
    Histogram,
}
