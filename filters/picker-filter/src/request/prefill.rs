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

use super::Request;
use crate::first_tokens::Awaited;

/// How far a request is with its prompt.
#[derive(Debug)]
pub(super) enum Prompted {
    /// Nobody wants to know.
    No,
    /// The response's headers have not come.
    Sent {
        prompt: Awaited,
        /// Whether the response comes token by token.
        streams: bool,
    },
    /// Its first token is waited for.
    Watched,
}

impl<H: StreamHost> Request<H> {
    /// The response's headers came, with a 200 if `ok`, from an endpoint if `served`, `sent` to
    /// that one first.
    pub(super) fn await_first_token(
        &mut self,
        ok: bool,
        served: Option<EndpointId>,
        sent: EndpointId,
    ) {
        let prompted = std::mem::replace(&mut self.prompted, Prompted::No);
        let Prompted::Sent { prompt, streams } = prompted else { return };
        let answered = ok && served == Some(sent) && self.attempts().is_none_or(|count| count == 1);
        if !answered {
            return;
        }
        if streams {
            self.vm.first_tokens.wait_for(prompt);
            self.prompted = Prompted::Watched;
        } else {
            let now = Millis::from(self.host.now());
            self.vm.with_pool(prompt.pool, |pool, _| pool.prefilled(prompt.prefill, now));
        }
    }

    /// The request is over. A short answer's first token may have come since the last tick.
    pub(super) fn end_watch(&mut self) {
        if !matches!(self.prompted, Prompted::Watched) {
            return;
        }
        self.prompted = Prompted::No;
        if let Some(prompt) = self.vm.first_tokens.end(self.id)
            && self.host.has_answered()
        {
            self.vm.note_first_token(prompt, Millis::from(self.host.now()));
        }
    }
}
