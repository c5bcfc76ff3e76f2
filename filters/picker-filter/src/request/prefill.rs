//! What a response says of its prompt: that it is computed, or that its first token is still
//! to come.
//!
//! The headers of a streamed response come before its first token, those of any other after
//! its last. So a stream is watched from its headers on ([`FirstTokens`]); the headers of
//! another only tell that the prompt is computed, and no speed.
//!
//! Invariant: only an endpoint's own 200 to the first attempt teaches. What Envoy or another
//! filter answered, and what was retried or refused, says nothing of how fast prompts are
//! computed.
//!
//! Rejected: the time to the headers, which needs no watching. vLLM sends them before it looks
//! at the prompt.
//!
//! [`FirstTokens`]: crate::first_tokens::FirstTokens

use filter_host::StreamHost;
use shared::pools::{EndpointId, Millis};
use shared::scheduling::Prefill;

use super::Request;
use crate::first_tokens::Awaited;

/// How far a request is with its prompt.
#[derive(Debug)]
pub(super) enum Prompted {
    /// Nobody wants to know.
    No,
    /// The response's headers have not come.
    Sent {
        /// The pool that it was sent to.
        pool: usize,
        prefill: Prefill,
        /// When.
        since: Millis,
        /// Whether the response comes token by token.
        streams: bool,
    },
    /// Its first token is waited for.
    Watched,
}

impl<H: StreamHost> Request<H> {
    /// The response's headers came, from an endpoint if `served`, `sent` to that one first.
    pub(super) fn await_first_token(&mut self, served: Option<EndpointId>, sent: EndpointId) {
        let prompted = std::mem::replace(&mut self.prompted, Prompted::No);
        let Prompted::Sent { pool, prefill, since, streams } = prompted else { return };
        let answered = served == Some(sent)
            && self.host.response_header(":status").as_deref() == Some(b"200")
            && self.attempts().is_none_or(|count| count == 1);
        if !answered {
            return;
        }
        if streams {
            self.vm.first_tokens.wait_for(Awaited { stream: self.id, pool, prefill, since });
            self.prompted = Prompted::Watched;
        } else {
            let now = Millis::from(self.host.now());
            self.vm.with_pool(pool, |pool, _| pool.prefilled(prefill, now));
        }
    }

    /// The request is over. A short answer's first token may have come since the last tick.
    pub(super) fn end_watch(&mut self) {
        if !matches!(self.prompted, Prompted::Watched) {
            return;
        }
        self.prompted = Prompted::No;
        if let Some(Awaited { pool, prefill, .. }) = self.vm.first_tokens.end(self.id)
            && self.host.has_answered()
        {
            let now = Millis::from(self.host.now());
            self.vm.with_pool(pool, |pool, _| pool.first_byte(prefill, now));
        }
    }
}
