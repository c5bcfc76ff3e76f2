//! The endpoints of one pool, as the scraping VM sees them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::discovery::Discovered;
use crate::ordered;
use crate::pools::{EndpointId, Millis};
use crate::scheduling::{Health, Observation};

/// When endpoints are scraped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// Between two scrapes of one endpoint that answers.
    pub interval: Duration,
    /// Until a scrape is given up.
    pub timeout: Duration,
}

/// One endpoint.
#[derive(Debug, Clone)]
pub struct Target {
    /// Which.
    pub id: EndpointId,
    /// Whether discovery says that it may get requests.
    healthy: bool,
    /// The last scrape that succeeded.
    pub observation: Option<Observation>,
    /// Failures in a row.
    failures: u32,
    /// Of those, how many found no server at all.
    unreachable: u32,
    /// Why the last one did.
    last_failure: Option<Failure>,
    due: Millis,
    /// Since when a scrape is under way.
    asked: Option<Millis>,
}

/// Why a scrape brought nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// No connection.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// An answer without metrics.
    NoMetrics,
}

/// Connections refused in a row after which an endpoint counts as dead.
const DEAD_AFTER: u32 = 2;

/// The longest pause between scrapes of an endpoint that fails.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long after its timeout a scrape that never came back is forgotten.
const GRACE: Duration = Duration::from_secs(5);

/// What was published of an endpoint.
#[derive(Debug, Clone)]
pub struct Known {
    /// Which.
    pub id: EndpointId,
    /// Whether it may get requests.
    pub health: Health,
    /// The last scrape.
    pub observation: Option<Observation>,
}

/// The endpoints of one pool, sorted.
#[derive(Debug, Default)]
pub struct Targets {
    targets: Vec<Target>,
    /// When it was last asked what is due.
    latest: Millis,
}

impl Targets {
    /// The endpoints.
    #[must_use]
    pub fn all(&self) -> &[Target] {
        &self.targets
    }

    /// Goes on where another VM stopped: what it published of each endpoint still holds.
    pub fn resume(&mut self, known: impl IntoIterator<Item = Known>, rhythm: Rhythm, now: Millis) {
        self.targets.clear();
        let (mut discovered, mut last) = (Vec::new(), Vec::new());
        for Known { id, health, observation } in known {
            discovered.push(Discovered { id, healthy: health != Health::Unhealthy });
            last.push((id, health == Health::Dead, observation));
        }
        self.set(discovered, rhythm, now);
        for (id, dead, observation) in last {
            if let Some(target) = self.get_mut(id) {
                target.observation = observation;
                // Of another VM, before the clock jumped back.
                target.observation.iter_mut().for_each(|seen| seen.at = seen.at.min(now));
                target.unreachable = if dead { DEAD_AFTER } else { 0 };
            }
        }
    }

    /// Takes over who is in the pool. New endpoints are first scraped spread over an
    /// interval, so that they do not all answer at once for ever after.
    pub fn set(&mut self, discovered: Vec<Discovered>, rhythm: Rhythm, now: Millis) {
        let discovered = ordered(discovered, |endpoint| endpoint.id);
        let count = u32::try_from(discovered.len()).unwrap_or(u32::MAX).max(1);
        let mut old = std::mem::take(&mut self.targets).into_iter().peekable();
        for (n, Discovered { id, healthy }) in (0_u32..).zip(discovered) {
            while old.next_if(|target| target.id < id).is_some() {}
            let known = old.next_if(|target| target.id == id);
            let mut target = known.unwrap_or_else(|| Target {
                id,
                healthy,
                observation: None,
                failures: 0,
                unreachable: 0,
                last_failure: None,
                due: now + rhythm.interval.checked_div(count).unwrap_or_default().saturating_mul(n),
                asked: None,
            });
            target.healthy = healthy;
            self.targets.push(target);
        }
    }

    /// Up to `room` endpoints that are due, longest first. They count as asked.
    pub fn take_due(&mut self, room: usize, rhythm: Rhythm, now: Millis) -> Vec<EndpointId> {
        self.follow_clock(now);
        for target in &mut self.targets {
            if target
                .asked
                .is_some_and(|asked| now.since(asked) > rhythm.timeout.saturating_add(GRACE))
            {
                target.failed(Failure::Timeout, rhythm, now);
            }
        }
        let due =
            self.targets.iter().enumerate().filter(|(_, t)| t.asked.is_none() && t.due <= now);
        let longest_first = ordered(due.map(|(place, target)| (target.due, place)), |due| *due);
        let ask = |(_, place): (Millis, usize)| {
            let target = self.targets.get_mut(place)?;
            target.asked = Some(now);
            Some(target.id)
        };
        longest_first.into_iter().take(room).filter_map(ask).collect()
    }

    /// If the clock jumped back, moves all times by as much: else nothing would be due, and
    /// metrics stay fresh, until it is again as late as it was.
    fn follow_clock(&mut self, now: Millis) {
        let jump = self.latest.since(now);
        self.latest = now;
        if jump.is_zero() {
            return;
        }
        let move_back = |at: &mut Millis| *at = Millis(at.0.saturating_sub(Millis::from(jump).0));
        for target in &mut self.targets {
            move_back(&mut target.due);
            target.asked.iter_mut().for_each(move_back);
            if let Some(observation) = &mut target.observation {
                move_back(&mut observation.at);
                observation.reported = None;
            }
        }
    }

    /// How many scrapes are under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.targets.iter().filter(|target| target.asked.is_some()).count()
    }

    /// A scrape brought metrics. Its time is when it was asked for: what was sent
    /// while it was under way counts as not seen yet.
    pub fn succeeded(
        &mut self,
        id: EndpointId,
        mut observation: Observation,
        rhythm: Rhythm,
        now: Millis,
    ) {
        let Some(target) = self.get_mut(id) else { return };
        observation.at = target.asked.take().unwrap_or(now);
        target.observation = Some(observation);
        target.failures = 0;
        target.unreachable = 0;
        // From the time it was due, so that the spread stays; never two at once.
        target.due = (target.due + rhythm.interval).max(observation_floor(now, rhythm));
    }

    /// A scrape brought nothing.
    pub fn failed(&mut self, id: EndpointId, failure: Failure, rhythm: Rhythm, now: Millis) {
        if let Some(target) = self.get_mut(id) {
            target.failed(failure, rhythm, now);
        }
    }

    fn get_mut(&mut self, id: EndpointId) -> Option<&mut Target> {
        let place = self.targets.binary_search_by_key(&id, |target| target.id).ok()?;
        self.targets.get_mut(place)
    }
}

/// The earliest next scrape after one that ended now.
fn observation_floor(now: Millis, rhythm: Rhythm) -> Millis {
    now + rhythm.interval.checked_div(4).unwrap_or_default()
}

impl Target {
    /// Whether it may get requests.
    #[must_use]
    pub fn health(&self) -> Health {
        if !self.healthy {
            Health::Unhealthy
        } else if self.unreachable >= DEAD_AFTER {
            Health::Dead
        } else {
            Health::Ready
        }
    }

    /// Scrapes that failed in a row, and why the last one did; none if the last brought
    /// metrics.
    #[must_use]
    pub fn trouble(&self) -> Option<(u32, Failure)> {
        (self.failures > 0).then_some((self.failures, self.last_failure?))
    }

    fn failed(&mut self, failure: Failure, rhythm: Rhythm, now: Millis) {
        self.asked = None;
        self.failures = self.failures.saturating_add(1);
        self.last_failure = Some(failure);
        self.unreachable = match failure {
            Failure::Unreachable => self.unreachable.saturating_add(1),
            Failure::Timeout | Failure::NoMetrics => self.unreachable,
        };
        let pause = rhythm.interval.saturating_mul(1 << self.failures.min(16));
        self.due = now + pause.min(LONGEST_PAUSE.max(rhythm.interval));
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const RHYTHM: Rhythm =
        Rhythm { interval: Duration::from_millis(200), timeout: Duration::from_secs(1) };

    fn id(n: u16) -> EndpointId {
        EndpointId::from(std::net::SocketAddr::from(([10, 0, 0, 1], 8000 + n)))
    }

    fn targets(count: u16) -> Targets {
        let mut targets = Targets::default();
        let all = (0..count).map(|n| Discovered { id: id(n), healthy: true }).collect();
        targets.set(all, RHYTHM, Millis(0));
        targets
    }

    #[test]
    fn scrapes_are_spread_over_the_interval_and_stay_so() {
        let mut targets = targets(10);
        let mut most = 0;
        let mut asked = 0;
        for now in (0..2_000).step_by(10).map(Millis) {
            let due = targets.take_due(100, RHYTHM, now);
            most = most.max(due.len());
            asked += due.len();
            due.into_iter()
                .for_each(|id| targets.succeeded(id, Observation::default(), RHYTHM, now));
        }
        assert_eq!((most, asked), (1, 100));
    }

    #[test]
    fn an_endpoint_that_hangs_has_one_scrape_under_way_and_is_forgotten_in_the_end() {
        let mut targets = targets(1);
        assert_eq!(targets.take_due(9, RHYTHM, Millis(0)), [id(0)]);
        for now in (10..6_000).step_by(10).map(Millis) {
            assert!(targets.take_due(9, RHYTHM, now).is_empty());
        }
        assert_eq!(targets.under_way(), 1);
        targets.take_due(9, RHYTHM, Millis(6_001));
        assert_eq!(targets.under_way(), 0);
    }

    #[test]
    fn no_more_than_the_room_are_asked_at_once() {
        let mut targets = targets(10);
        assert_eq!(targets.take_due(4, RHYTHM, Millis(1_000)).len(), 4);
        assert_eq!(targets.take_due(4, RHYTHM, Millis(1_000)).len(), 4);
        assert_eq!(targets.under_way(), 8);
    }

    #[test]
    fn failing_endpoints_are_asked_less_and_less_and_unreachable_ones_are_dead() {
        let mut targets = targets(1);
        let mut asked = 0;
        for now in (0..30_000).step_by(10).map(Millis) {
            for id in targets.take_due(1, RHYTHM, now) {
                asked += 1;
                targets.failed(id, Failure::Unreachable, RHYTHM, now);
            }
        }
        assert!((8..12).contains(&asked), "{asked}");
        assert_eq!(targets.all()[0].health(), Health::Dead);
        targets.take_due(1, RHYTHM, Millis(99_000));
        targets.succeeded(id(0), Observation::default(), RHYTHM, Millis(99_000));
        assert_eq!(targets.all()[0].health(), Health::Ready);
    }

    #[test]
    fn slow_or_strange_metrics_do_not_make_an_endpoint_dead() {
        let mut targets = targets(1);
        for _ in 0..10 {
            targets.failed(id(0), Failure::Timeout, RHYTHM, Millis(0));
            targets.failed(id(0), Failure::NoMetrics, RHYTHM, Millis(0));
        }
        assert_eq!(targets.all()[0].health(), Health::Ready);
        assert_eq!(targets.all()[0].failures, 20);
        assert_eq!(targets.all()[0].trouble(), Some((20, Failure::NoMetrics)));
    }

    #[test]
    fn the_answer_of_an_endpoint_that_left_goes_to_nobody() {
        let mut targets = targets(2);
        targets.take_due(2, RHYTHM, Millis(500));
        targets.set(vec![Discovered { id: id(1), healthy: false }], RHYTHM, Millis(500));
        targets.succeeded(
            id(0),
            Observation { waiting: Some(7), ..Observation::default() },
            RHYTHM,
            Millis(510),
        );
        assert_eq!(targets.all().len(), 1);
        assert!(targets.all()[0].observation.is_none());
        assert_eq!(targets.all()[0].health(), Health::Unhealthy);
    }

    #[test]
    fn a_new_holder_goes_on_with_what_was_published() {
        let known = |n, health, waiting| Known {
            id: id(n),
            health,
            observation: Some(Observation { at: Millis(900), waiting, ..Observation::default() }),
        };
        let mut targets = Targets::default();
        let all = [
            known(2, Health::Dead, None),
            known(1, Health::Ready, Some(4)),
            known(0, Health::Unhealthy, None),
        ];
        targets.resume(all, RHYTHM, Millis(1_000));
        let health: Vec<_> = targets.all().iter().map(Target::health).collect();
        assert_eq!(health, [Health::Unhealthy, Health::Ready, Health::Dead]);
        assert_eq!(targets.all()[1].observation.as_ref().and_then(|o| o.waiting), Some(4));
        targets.set(vec![Discovered { id: id(1), healthy: true }], RHYTHM, Millis(1_000));
        assert!(targets.all()[0].observation.is_some());
    }

    #[test]
    fn an_observation_is_dated_when_it_was_asked_for() {
        let mut targets = targets(1);
        targets.take_due(1, RHYTHM, Millis(100));
        targets.succeeded(id(0), Observation::default(), RHYTHM, Millis(150));
        assert_eq!(targets.all()[0].observation.as_ref().map(|o| o.at), Some(Millis(100)));
    }

    #[test]
    fn a_clock_that_jumps_back_stops_no_scrapes() {
        let mut targets = targets(1);
        targets.take_due(1, RHYTHM, Millis(1_000_000_000));
        targets.succeeded(id(0), Observation::default(), RHYTHM, Millis(1_000_000_000));
        for now in (0..50).map(Millis) {
            assert_eq!(targets.take_due(1, RHYTHM, now), [], "{now:?}");
        }
        let observed = targets.all()[0].observation.as_ref().map(|o| o.at);
        assert_eq!(observed, Some(Millis(0)), "it ages from now on");
        assert_eq!(targets.take_due(1, RHYTHM, Millis(50)), [id(0)]);
        targets.take_due(1, RHYTHM, Millis(20));
        targets.take_due(1, RHYTHM, Millis(6_021));
        assert_eq!(targets.under_way(), 0, "one that hangs is forgotten as late as ever");
    }
}
