//! Notices an Envoy that never calls the filter with bodies.
//!
//! Without `allow_on_headers_stop_iteration` in the plugin's configuration Envoy keeps
//! a held request's body to itself: the request would hang until the client gives up.
//! So until the first body has come, held requests are watched, and one whose bytes
//! reach Envoy but not the filter is answered.
//!
//! Invariant: no request is answered that only waits for a slow client, for what counts
//! is that bytes came; and once a body has come, watching costs nothing. Rejected: a
//! timeout alone, which cannot tell the two apart.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use filter_host::StreamId;

/// How long bytes may be on their way from Envoy to the filter. They take no time; a
/// second is room for a worker that is busy.
const PATIENCE: Duration = Duration::from_secs(1);

/// All held requests, until the first body comes.
#[derive(Debug)]
pub struct BodyWatch(RefCell<Watch>);

#[derive(Debug)]
enum Watch {
    /// No body has come yet.
    Waiting(BTreeMap<StreamId, Held>),
    /// Bodies come.
    Over,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    since: Duration,
    /// What Envoy had received when the headers were held, in bytes.
    received: u64,
    answered: bool,
}

impl Default for BodyWatch {
    fn default() -> Self {
        Self(RefCell::new(Watch::Waiting(BTreeMap::new())))
    }
}

impl BodyWatch {
    /// Whether no body has come yet.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(*self.0.borrow(), Watch::Waiting(_))
    }

    /// A request is held from now on. `received` is what Envoy has of it, in bytes.
    pub fn hold(&self, id: StreamId, now: Duration, received: u64) {
        if let Watch::Waiting(held) = &mut *self.0.borrow_mut() {
            held.insert(id, Held { since: now, received, answered: false });
        }
    }

    /// A body has come: nothing is wrong.
    pub fn body_came(&self) {
        if self.is_waiting() {
            *self.0.borrow_mut() = Watch::Over;
        }
    }

    /// The requests held so long that their bytes should have come, if there are any.
    #[must_use]
    pub fn overdue(&self, now: Duration) -> Vec<StreamId> {
        let overdue = |held: &Held| !held.answered && now >= held.since.saturating_add(PATIENCE);
        match &*self.0.borrow() {
            Watch::Waiting(held) => {
                held.iter().filter(|(_, held)| overdue(held)).map(|(&id, _)| id).collect()
            }
            Watch::Over => Vec::new(),
        }
    }

    /// Whether Envoy keeps bytes of this request back, now that it has `received` so
    /// many; if so, the request counts as answered.
    pub fn is_withheld(&self, id: StreamId, received: u64) -> bool {
        match &mut *self.0.borrow_mut() {
            Watch::Waiting(held) => held.get_mut(&id).is_some_and(|held| {
                held.answered = received > held.received;
                held.answered
            }),
            Watch::Over => false,
        }
    }

    /// The request is over; whether it was answered because its body did not come.
    pub fn release(&self, id: StreamId) -> bool {
        match &mut *self.0.borrow_mut() {
            Watch::Waiting(held) => held.remove(&id).is_some_and(|held| held.answered),
            Watch::Over => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: StreamId = StreamId(1);
    const B: StreamId = StreamId(2);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_request_whose_bytes_do_not_reach_the_filter_is_withheld() {
        let watch = BodyWatch::default();
        watch.hold(A, seconds(5), 300);
        assert_eq!(watch.overdue(seconds(5)), []);
        assert_eq!(watch.overdue(seconds(6)), [A]);
        assert!(watch.is_withheld(A, 301));
        assert_eq!(watch.overdue(seconds(7)), [], "it is answered once");
        assert!(watch.release(A));
        assert!(!watch.release(A));
    }

    #[test]
    fn a_slow_client_is_waited_for() {
        let watch = BodyWatch::default();
        watch.hold(A, seconds(5), 300);
        assert!(!watch.is_withheld(A, 300));
        assert_eq!(watch.overdue(seconds(500)), [A], "it is looked at again");
        assert!(!watch.release(A));
    }

    #[test]
    fn the_first_body_ends_the_watch() {
        let watch = BodyWatch::default();
        watch.hold(A, seconds(0), 300);
        watch.body_came();
        watch.hold(B, seconds(0), 300);
        assert!(!watch.is_waiting());
        assert_eq!(watch.overdue(seconds(9)), []);
        assert!(!watch.is_withheld(B, 400) && !watch.release(A));
    }
}
