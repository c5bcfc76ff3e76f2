//! Prompts whose first token has not come, which tells how fast servers compute prompts.
//!
//! The headers of a streamed response come before its first token, so of each such stream the
//! host is asked on every tick whether any of the body has passed. What is learned is late by
//! a tick at most.
//!
//! Invariant: bounded, whatever is sent, by [`MOST`] streams and [`PATIENCE`].
//!
//! Rejected: the callback for pieces of the body, which tells the moment. Envoy enters the VM
//! for each piece of every response then, some 1.4 µs for each token that anybody is sent;
//! asking costs as much per tick, and only until the first one.

use std::cell::RefCell;
use std::time::Duration;

use filter_host::StreamId;
use shared::pools::Millis;
use shared::scheduling::Prefill;

/// The most streams that are watched at once.
const MOST: usize = 128;

/// What takes longer teaches nothing. Some servers send comments while a stream is silent,
/// which look like tokens from here: usually every 15 seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// The streams of one VM that wait for their first token.
#[derive(Debug, Default)]
pub(crate) struct FirstTokens(RefCell<Vec<Awaited>>);

/// A prompt on its way to its first token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Awaited {
    pub(crate) stream: StreamId,
    /// The pool that it was sent to.
    pub(crate) pool: usize,
    pub(crate) prefill: Prefill,
}

impl FirstTokens {
    /// Waits for one more, if there is room.
    pub(crate) fn wait_for(&self, prompt: Awaited) {
        let mut all = self.0.borrow_mut();
        if all.len() < MOST {
            all.push(prompt);
        }
    }

    /// The stream is over: its prompt, if it was still waited for.
    pub(crate) fn end(&self, stream: StreamId) -> Option<Awaited> {
        let mut all = self.0.borrow_mut();
        let place = all.iter().position(|one| one.stream == stream)?;
        Some(all.swap_remove(place))
    }

    /// Those whose first token came, which are waited for no longer.
    pub(crate) fn take(
        &self,
        now: Millis,
        has_answered: impl Fn(StreamId) -> bool,
    ) -> Vec<Awaited> {
        let mut all = self.0.borrow_mut();
        all.retain(|one| !now.has_passed(one.prefill.sent_at(), PATIENCE));
        all.extract_if(.., |one| has_answered(one.stream)).collect()
    }
}
