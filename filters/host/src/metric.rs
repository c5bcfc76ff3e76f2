//! Metrics by number: defined once per configuration, then used by id.

use std::cell::Cell;

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

/// A counter that is added up in the VM and told to the host on ticks: a call into
/// the host costs about a microsecond, which a request need not pay.
#[derive(Debug)]
pub struct Counter {
    id: MetricId,
    pending: Cell<u64>,
}

impl Counter {
    /// A counter of this number.
    #[must_use]
    pub fn new(id: MetricId) -> Self {
        Self { id, pending: Cell::new(0) }
    }

    /// Counts one.
    pub fn count(&self) {
        self.pending.set(self.pending.get().saturating_add(1));
    }

    /// What was counted and not told yet.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.pending.get()
    }

    /// Tells the host what was counted since the last time.
    pub fn flush(&self, add: impl FnOnce(MetricId, u64)) {
        match self.pending.take() {
            0 => {}
            pending => add(self.id, pending),
        }
    }
}

/// Says of every so many-eth request that it is to be measured, the first one
/// included: histograms need samples, not all requests.
#[derive(Debug)]
pub struct Sampler {
    every: Cell<u32>,
    next: Cell<u32>,
}

impl Sampler {
    /// Samples one request in `every`.
    #[must_use]
    pub fn one_in(every: u32) -> Self {
        Self { every: Cell::new(every), next: Cell::new(0) }
    }

    /// Whether this request is a sample.
    pub fn take(&self) -> bool {
        let next = self.next.get();
        self.next.set(next.checked_sub(1).unwrap_or(self.every.get().saturating_sub(1)));
        next == 0
    }

    /// Samples one request in `every` from here on, the next one included.
    pub fn restart(&self, every: u32) {
        self.every.set(every);
        self.next.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_tells_what_was_counted_once() {
        let counter = Counter::new(MetricId(3));
        counter.flush(|_, _| panic!("nothing was counted"));
        (0..3).for_each(|_| counter.count());
        let mut told = None;
        counter.flush(|id, amount| told = Some((id, amount)));
        assert_eq!(told, Some((MetricId(3), 3)));
        counter.flush(|_, _| panic!("nothing is left"));
    }

    #[test]
    fn one_request_in_so_many_is_a_sample_starting_with_the_first() {
        let sampler = Sampler::one_in(4);
        let samples: Vec<_> = (0..9).map(|_| sampler.take()).collect();
        assert_eq!(samples, [true, false, false, false, true, false, false, false, true]);
        sampler.restart(2);
        let samples: Vec<_> = (0..3).map(|_| sampler.take()).collect();
        assert_eq!(samples, [true, false, true]);
    }
}
