//! The memory of requests seen, for tests that check what a gateway forwarded.
//!
//! Invariant: a request is in the log from its headers on, before any of its
//! body, and stays until [`CAPACITY`] later ones came. Probes (`/metrics`,
//! `/health`) and the simulator's own control paths are not in it.

use http::HeaderMap;
use http::request::Parts;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Requests remembered.
pub const CAPACITY: usize = 1000;

/// How far a request is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Its body is still coming.
    Uploading,
    /// Its body is complete and its answer is not.
    Answering,
    /// Its answer was sent to the end.
    Completed,
    /// The client left, or a fault broke the answer off.
    Aborted,
}

/// A request that was seen.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct RequestRecord {
    /// Counts from 0.
    pub id: u64,
    /// When its headers came, milliseconds since 1970.
    pub received_unix_ms: u64,
    /// HTTP method.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub protocol: String,
    /// `x-gateway-model-name` as received.
    pub model_header: Option<String>,
    /// `x-gateway-base-model-name` as received.
    pub base_model_header: Option<String>,
    /// The `model` of the body, once it was read.
    pub model: Option<String>,
    /// Bytes of the body so far.
    pub body_bytes: u64,
    /// SHA-256 of the body in hexadecimal, once it was complete.
    pub body_sha256: Option<String>,
    /// Status of the answer, once there was one.
    pub status: Option<u16>,
    /// How far it is.
    pub stage: Stage,
}

#[derive(Debug, Default)]
struct Entries {
    next_id: u64,
    records: VecDeque<RequestRecord>,
}

/// The log; clones are the same log.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestLog(Arc<Mutex<Entries>>);

/// The header's value; bytes that are no UTF-8 are replaced.
pub(crate) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

impl RequestLog {
    /// All remembered requests, oldest first.
    pub fn snapshot(&self) -> Vec<RequestRecord> {
        self.lock().records.iter().cloned().collect()
    }

    /// Forgets all requests.
    pub fn clear(&self) {
        self.lock().records.clear();
    }

    /// Remembers a request whose headers have come.
    pub fn begin(&self, request: &Parts) -> RecordHandle {
        let received = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut entries = self.lock();
        let id = entries.next_id;
        entries.next_id += 1;
        if entries.records.len() == CAPACITY {
            entries.records.pop_front();
        }
        entries.records.push_back(RequestRecord {
            id,
            received_unix_ms: u64::try_from(received.as_millis()).unwrap_or(u64::MAX),
            method: request.method.to_string(),
            path: request.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            protocol: format!("{:?}", request.version),
            model_header: header(&request.headers, "x-gateway-model-name"),
            base_model_header: header(&request.headers, "x-gateway-base-model-name"),
            model: None,
            body_bytes: 0,
            body_sha256: None,
            status: None,
            stage: Stage::Uploading,
        });
        RecordHandle { log: Some(self.clone()), id }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way to write on about a request. Dropping it before
/// [`RecordHandle::complete`] marks the request as aborted.
#[derive(Debug)]
pub(crate) struct RecordHandle {
    /// None for requests that are not logged.
    log: Option<RequestLog>,
    id: u64,
}

impl RecordHandle {
    /// A handle that writes nowhere.
    pub fn unlogged() -> Self {
        Self { log: None, id: 0 }
    }

    /// Changes the record, if it is still remembered.
    pub fn note(&self, change: impl FnOnce(&mut RequestRecord)) {
        let Some(log) = &self.log else { return };
        let mut entries = log.lock();
        // Ids are consecutive, so the place follows from the first record's id.
        let first = entries.records.front().map_or(0, |record| record.id);
        let at = usize::try_from(self.id.wrapping_sub(first)).unwrap_or(usize::MAX);
        if let Some(record) = entries.records.get_mut(at) {
            change(record);
        }
    }

    /// The answer was sent to the end.
    pub fn complete(&mut self) {
        self.note(|record| record.stage = Stage::Completed);
        self.log = None;
    }
}

impl Drop for RecordHandle {
    fn drop(&mut self) {
        self.note(|record| record.stage = Stage::Aborted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(path: &str) -> Parts {
        http::Request::get(path).body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_the_last_thousand_are_kept_and_late_notes_find_their_record() {
        let log = RequestLog::default();
        let mut handles: Vec<_> =
            (0..CAPACITY + 2).map(|n| log.begin(&parts(&format!("/{n}")))).collect();
        handles[0].complete();
        handles[2].complete();
        let records = log.snapshot();
        assert_eq!(records.len(), CAPACITY);
        assert_eq!((records[0].path.as_str(), records[0].stage), ("/2", Stage::Completed));
        assert_eq!(records[1].stage, Stage::Uploading);
    }

    #[test]
    fn a_dropped_handle_is_an_aborted_request() {
        let log = RequestLog::default();
        drop(log.begin(&parts("/")));
        assert_eq!(log.snapshot()[0].stage, Stage::Aborted);
    }
}
