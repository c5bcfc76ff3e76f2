//! When a prompt's first token came, which tells how fast its server computes prompts.
//!
//! The headers of a streamed response come before its first token, those of any other after
//! its last. So a streamed response's first piece of body is waited for; the headers of
//! another only tell that the prompt is computed, and no speed.
//!
//! Invariant: only an endpoint's own 200 to the first attempt teaches. What Envoy or another
//! filter answered, what was retried or refused, and a stream's pings (comments in terms of
//! server-sent events) say nothing of how fast prompts are computed.
//!
//! Rejected: the time to the headers, which costs no callback per piece. vLLM sends them
//! before it looks at the prompt.

use filter_host::StreamHost;
use shared::pools::{EndpointId, Millis};
use shared::scheduling::Prefill;

use super::Request;

/// A prompt whose first token has not come.
#[derive(Debug)]
pub(super) struct Awaited {
    /// The pool that it was sent to.
    pub(super) pool: usize,
    pub(super) prefill: Prefill,
    /// Whether the response comes token by token.
    pub(super) streams: bool,
}

impl<H: StreamHost> Request<H> {
    /// The response's headers came, from an endpoint if `served`, `sent` to that one first.
    pub(super) fn await_first_token(&mut self, served: Option<EndpointId>, sent: EndpointId) {
        let Some(awaited) = self.awaited.take() else { return };
        let answered = served == Some(sent)
            && self.host.response_header(":status").as_deref() == Some(b"200")
            && self.attempts().is_none_or(|count| count == 1);
        if !answered {
            return;
        }
        if awaited.streams {
            self.awaited = Some(awaited);
        } else {
            let now = Millis::from(self.host.now());
            self.vm.with_pool(awaited.pool, |pool, _| pool.prefilled(awaited.prefill, now));
        }
    }

    /// A piece of the response's body came.
    pub fn on_response_body(&mut self, size: usize) {
        if self.awaited.is_none() || size == 0 {
            return;
        }
        if self.host.response_body(0, 1).is_some_and(|first| first.starts_with(b":")) {
            return;
        }
        if let Some(Awaited { pool, prefill, .. }) = self.awaited.take() {
            let now = Millis::from(self.host.now());
            self.vm.with_pool(pool, |pool, _| pool.first_byte(prefill, now));
        }
    }
}
