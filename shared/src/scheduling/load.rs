//! Requests on their way: what no metric shows yet, or still shows.

use std::collections::VecDeque;

use crate::pools::Millis;

/// What a waiting request costs, in running ones: a waiting request costs its whole
/// turn, a running one shares the batch.
const WAITING_WEIGHT: f32 = 3.0;

/// What an endpoint has to do before a request sent now gets its turn, in running
/// requests. Of the requests that the last scrape saw, `over` have ended, and `sent` came
/// since; beyond `capacity` a request waits.
pub(super) fn work(waiting: u32, running: u32, sent: u32, over: u32, capacity: Option<u32>) -> f32 {
    let there = waiting.saturating_add(running).saturating_add(sent).saturating_sub(over);
    // While some wait, what runs is all that can.
    let capacity = if waiting > 0 { Some(running) } else { capacity };
    let waits = capacity.map_or(0, |capacity| there.saturating_sub(capacity));
    there as f32 + (WAITING_WEIGHT - 1.0) * waits as f32
}

/// This worker's requests at one endpoint.
#[derive(Debug, Clone, Default)]
pub struct InFlight {
    total: u32,
    /// When the last scrape was.
    observed: Option<Millis>,
    /// When those started that it cannot have seen, oldest first.
    fresh: VecDeque<Millis>,
    /// Start and end of those that ended lately, first ended first.
    ended: VecDeque<(Millis, Millis)>,
    /// How many of those the last scrape has seen.
    over: u32,
}

/// The most starts and ends that are kept; beyond, the oldest count as seen. Bounds
/// memory when an endpoint is never scraped.
const MOST: usize = 512;

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

    /// Requests that were there at the last scrape and have ended since.
    #[must_use]
    pub fn over(&self) -> u32 {
        self.over
    }

    /// A request was sent.
    pub fn start(&mut self, now: Millis) {
        self.total = self.total.saturating_add(1);
        push(&mut self.fresh, now);
    }

    /// A request that started at `started` is over.
    pub fn end(&mut self, started: Millis, now: Millis) {
        self.total = self.total.saturating_sub(1);
        if let Some(place) = self.fresh.iter().position(|start| *start == started) {
            self.fresh.remove(place);
        } else if self.observed.is_some() {
            self.over = self.over.saturating_add(1);
        }
        // A scrape under way may still see it; that is known when the scrape is.
        push(&mut self.ended, (started, now));
    }

    /// A scrape at this time saw all that started before and had not ended.
    pub fn observed(&mut self, at: Millis) {
        if self.observed == Some(at) {
            return;
        }
        self.observed = Some(at);
        while self.fresh.front().is_some_and(|start| *start <= at) {
            self.fresh.pop_front();
        }
        self.ended.retain(|(_, end)| *end > at);
        let over = self.ended.iter().filter(|(start, _)| *start <= at).count();
        self.over = u32::try_from(over).unwrap_or(u32::MAX);
    }
}

fn push<T>(queue: &mut VecDeque<T>, value: T) {
    if queue.len() >= MOST {
        queue.pop_front();
    }
    queue.push_back(value);
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
        load.end(Millis(1), Millis(6));
        assert_eq!((load.total(), load.fresh()), (1, 1));
        load.end(Millis(5), Millis(6));
        assert_eq!((load.total(), load.fresh()), (0, 0));
        load.end(Millis(5), Millis(6));
        assert_eq!(load.total(), 0);
    }

    #[test]
    fn what_a_scrape_saw_and_is_over_is_counted_until_the_next() {
        let mut load = InFlight::default();
        (1..=4).for_each(|n| load.start(Millis(n)));
        load.end(Millis(1), Millis(9));
        assert_eq!(load.over(), 0, "no scrape saw it");
        load.observed(Millis(10));
        assert_eq!(load.over(), 0, "it ended before");
        load.end(Millis(2), Millis(12));
        load.start(Millis(13));
        load.end(Millis(13), Millis(14));
        assert_eq!((load.total(), load.fresh(), load.over()), (2, 0, 1));
        load.observed(Millis(10));
        assert_eq!(load.over(), 1, "no news");
        load.end(Millis(3), Millis(22));
        load.observed(Millis(20));
        assert_eq!(load.over(), 1, "the scrape at 20 saw the one that ended at 22");
        // One whose scrape came to be known only after it had ended.
        load.start(Millis(25));
        load.end(Millis(25), Millis(35));
        assert_eq!(load.over(), 1);
        load.observed(Millis(30));
        assert_eq!((load.total(), load.over()), (1, 1));
        load.observed(Millis(40));
        assert_eq!(load.over(), 0);
    }

    #[test]
    fn memory_is_bounded_without_scrapes() {
        let mut load = InFlight::default();
        (0..10_000).for_each(|n| load.start(Millis(n)));
        assert_eq!(load.total(), 10_000);
        assert_eq!(load.fresh.len(), MOST);
        (0..10_000).for_each(|n| load.end(Millis(n), Millis(10_000)));
        assert_eq!((load.total(), load.ended.len()), (0, MOST));
    }

    #[test]
    fn work_is_what_is_there_now_and_more_where_it_waits() {
        assert_eq!(work(0, 5, 2, 0, None), 7.0);
        assert_eq!(work(0, 5, 2, 3, None), 4.0, "what is over is not there");
        assert_eq!(work(4, 5, 2, 0, None), 5.0 + 3.0 * 6.0, "with a queue, new ones wait");
        assert_eq!(work(4, 5, 0, 3, None), 5.0 + 3.0, "the queue moves up");
        assert_eq!(work(4, 5, 0, 6, None), 3.0);
        assert_eq!(work(0, 5, 4, 0, Some(8)), 8.0 + 3.0, "one more than it can run");
        assert_eq!(work(0, 0, 0, 9, Some(0)), 0.0);
        assert_eq!(work(1, u32::MAX, 1, 0, None), u32::MAX as f32);
    }
}
