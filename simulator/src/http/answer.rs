//! Bodies of answers.
//!
//! Invariant: a request's record says "completed" only if the last byte of its
//! answer was handed to the connection.

use crate::driver::EngineGone;
use crate::requests::RecordHandle;
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Body, Frame, SizeHint};
use serde_json::Value;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The content type of a streamed answer.
pub(super) const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";

/// Why an answer broke off.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum BrokenOff {
    /// The fault `reset_after_tokens` is on.
    #[error("broken off by the fault reset_after_tokens")]
    Injected,
    /// The engine is gone.
    #[error(transparent)]
    Engine(#[from] EngineGone),
}

/// The body of an answer.
pub(crate) type AnswerBody = UnsyncBoxBody<Bytes, BrokenOff>;

/// A body that is known.
pub(super) fn full(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<AnswerBody> {
    let mut response = Response::new(Full::new(body.into()).map_err(|e| match e {}).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A JSON body.
pub(super) fn json(status: StatusCode, value: &Value) -> Response<AnswerBody> {
    full(status, "application/json", value.to_string())
}

/// A stream of server-sent events, already rendered.
pub(super) fn events(
    events: impl Stream<Item = Result<String, BrokenOff>> + Send + 'static,
) -> Response<AnswerBody> {
    let frames = events.map_ok(|event| Frame::data(Bytes::from(event)));
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
    response
}

/// An answer's body that tells the request's record how it went.
pub(crate) struct TrackedBody {
    inner: AnswerBody,
    record: RecordHandle,
    ended: bool,
}

impl TrackedBody {
    /// `bodiless` answers (to HEAD) are complete with their headers.
    pub fn new(inner: AnswerBody, record: RecordHandle, bodiless: bool) -> Self {
        Self { inner, record, ended: bodiless }
    }
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(cx);
        let ended = matches!(frame, Poll::Ready(None)) || self.inner.is_end_stream();
        if ended && !self.ended {
            self.ended = true;
            self.record.complete();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        // An empty body, or one nobody asked for, is never polled.
        if self.ended || self.inner.is_end_stream() {
            self.record.complete();
        }
    }
}
