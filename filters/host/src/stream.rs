//! What the state machine of one request asks of its host.
//!
//! Small on purpose: one method per thing the filter does to a request, none that
//! can panic, all failures as values.

use std::time::Duration;

use crate::headers::Headers;
use crate::metric::MetricId;

/// A request's number in its VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(pub u32);

/// The host of one request.
pub trait StreamHost {
    /// All request headers.
    fn headers(&self) -> Headers;

    /// A request header's value; raw bytes, several values joined by commas.
    fn header(&self, name: &str) -> Option<Vec<u8>>;

    /// Sets a request header in place of all its values.
    fn set_header(&self, name: &str, value: &[u8]);

    /// Removes all values of a request header.
    fn remove_header(&self, name: &str);

    /// A response header's value, as [`header`](Self::header).
    fn response_header(&self, name: &str) -> Option<Vec<u8>>;

    /// Sets a response header.
    fn set_response_header(&self, name: &str, value: &[u8]);

    /// Removes all values of a response header.
    fn remove_response_header(&self, name: &str);

    /// Keeps a value with the stream, where Envoy's access log finds it as
    /// `%FILTER_STATE(wasm.<name>:PLAIN)%`.
    fn keep(&self, name: &str, value: &[u8]);

    /// A property of the stream, such as `["xds", "cluster_name"]`.
    fn property(&self, path: &[&str]) -> Option<Vec<u8>>;

    /// A property that is a number, such as `["request", "total_size"]`.
    fn number(&self, path: &[&str]) -> Option<u64> {
        self.property(path)?.try_into().ok().map(u64::from_le_bytes)
    }

    /// Whether any of the response's body went to the client.
    fn has_answered(&self) -> bool {
        self.number(&["response", "size"]).is_some_and(|bytes| bytes > 0)
    }

    /// Bytes of the request body that the host holds.
    fn body(&self, start: usize, len: usize) -> Option<Vec<u8>>;

    /// Puts other bytes in place of the first `len` bytes of the held body.
    ///
    /// # Errors
    /// The host did not take them.
    fn replace_body_start(&self, len: usize, bytes: &[u8]) -> Result<(), Refused>;

    /// Answers the request with JSON and these headers in place of the upstream.
    fn respond(&self, status: u16, headers: &[(&str, &str)], json: &[u8]);

    /// Answers the request with this body in place of the upstream; the content's type is
    /// among the headers.
    fn respond_with(&self, status: u16, headers: &[(&str, &str)], body: &[u8]);

    /// What all VMs of the process share under a key. Takes a lock that all of them take:
    /// for pages that people look at, not for the requests that are served.
    fn shared_value(&self, key: &str) -> Option<Vec<u8>>;

    /// The time since 1970.
    fn now(&self) -> Duration;

    /// Adds a value to a histogram.
    fn record(&self, histogram: MetricId, value: u64);

    /// Writes a warning to the host's log.
    fn warn(&self, message: &str);
}

/// The host did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

/// What the host does next with what it shows to a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Passes on what it holds.
    Continue,
    /// Holds headers and body.
    Hold,
}
