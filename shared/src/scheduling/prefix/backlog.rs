//! Prompt tokens that one worker sent to an endpoint and that wait to be computed.
//!
//! Servers compute prompts about in the order they come. So a first byte says that all is
//! done that was sent before it, and time alone that so much is done as the learned speed
//! allows.
//!
//! Invariant: what never gets a first byte is forgotten by itself. Rejected: a sum that each
//! request adds to and takes from; one end that is missed would count for ever.

use crate::pools::Millis;

/// The backlog of one endpoint.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Backlog {
    /// All tokens ever sent.
    sent: f64,
    /// Of these, known to be done at `at`.
    done: f64,
    at: Millis,
}

impl Backlog {
    /// Tokens that are left at this speed.
    pub(super) fn left(&self, now: Millis, milliseconds_per_token: f32) -> f32 {
        // As it mostly is; a division for each of 1,000 endpoints is 7 microseconds.
        if self.sent <= self.done {
            return 0.0;
        }
        let passed = now.since(self.at).as_secs_f64() * 1_000.0;
        let done = self.done + passed / f64::from(milliseconds_per_token);
        (self.sent - done).max(0.0) as f32
    }

    /// So many are sent. Returns a mark for [`Self::reached`].
    pub(super) fn send(&mut self, tokens: f32, now: Millis, milliseconds_per_token: f32) -> f64 {
        self.done = self.sent - f64::from(self.left(now, milliseconds_per_token));
        self.at = now;
        self.sent += f64::from(tokens);
        self.sent
    }

    /// All up to this mark are done.
    pub(in super::super) fn reached(&mut self, mark: f64, now: Millis) {
        if mark > self.done {
            (self.done, self.at) = (mark.min(self.sent), now);
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_backlog_ends_with_first_bytes_or_with_time() {
        let mut backlog = Backlog::default();
        let first = backlog.send(1_000.0, Millis(1_000), 0.1);
        backlog.send(500.0, Millis(1_000), 0.1);
        assert_eq!(backlog.left(Millis(1_000), 0.1), 1_500.0);
        assert_eq!(backlog.left(Millis(1_050), 0.1), 1_000.0, "10 tokens a millisecond");
        backlog.reached(first, Millis(1_060));
        assert_eq!(backlog.left(Millis(1_060), 0.1), 500.0);
        assert_eq!(backlog.left(Millis(9_000), 0.1), 0.0, "no first byte is missed");
        assert_eq!(backlog.left(Millis(0), 0.1), 500.0, "the clock jumped back");
    }
}
