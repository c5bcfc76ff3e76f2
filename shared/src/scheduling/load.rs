//! Requests on their way: what no metric shows yet.

use std::collections::VecDeque;

use crate::pools::Millis;

/// This worker's requests at one endpoint.
#[derive(Debug, Clone, Default)]
pub struct InFlight {
    total: u32,
    /// When those started that the last scrape cannot have seen, oldest first.
    fresh: VecDeque<Millis>,
}

/// The most starts that are kept; beyond, the oldest count as seen. Bounds memory
/// when an endpoint is never scraped.
const MAX_FRESH: usize = 512;

impl InFlight {
    /// Requests in flight.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.total
    }

    /// Requests in flight that started after the last scrape.
    #[must_use]
    pub fn fresh(&self) -> u32 {
        u32::try_from(self.fresh.len()).unwrap_or(u32::MAX)
    }

    /// A request was sent.
    pub fn start(&mut self, now: Millis) {
        self.total = self.total.saturating_add(1);
        if self.fresh.len() >= MAX_FRESH {
            self.fresh.pop_front();
        }
        self.fresh.push_back(now);
    }

    /// A request that started at `started` is over.
    pub fn end(&mut self, started: Millis) {
        self.total = self.total.saturating_sub(1);
        if let Some(place) = self.fresh.iter().position(|start| *start == started) {
            self.fresh.remove(place);
        }
    }

    /// A scrape at this time saw all that started before.
    pub fn observed(&mut self, at: Millis) {
        while self.fresh.front().is_some_and(|start| *start <= at) {
            self.fresh.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn requests_count_as_fresh_until_a_scrape_saw_them() {
        let mut load = InFlight::default();
        load.start(Millis(1));
        load.start(Millis(5));
        assert_eq!((load.total(), load.fresh()), (2, 2));
        load.observed(Millis(3));
        assert_eq!((load.total(), load.fresh()), (2, 1));
        load.end(Millis(1));
        assert_eq!((load.total(), load.fresh()), (1, 1));
        load.end(Millis(5));
        assert_eq!((load.total(), load.fresh()), (0, 0));
        load.end(Millis(5));
        assert_eq!(load.total(), 0);
    }

    #[test]
    fn memory_is_bounded_without_scrapes() {
        let mut load = InFlight::default();
        (0..10_000).for_each(|n| load.start(Millis(n)));
        assert_eq!(load.total(), 10_000);
        assert_eq!(load.fresh.len(), MAX_FRESH);
    }
}
