//! Reads request bodies as they come.
//!
//! Invariant: each chunk is hashed and counted in the request's record when it
//! arrives, so a test sees how far an upload is while it goes on. There is no
//! size limit: gateways are tested with bodies larger than any sane limit.

use super::error::ApiError;
use crate::requests::RecordHandle;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// The most that is set aside for a body before any of it came.
const MAX_RESERVE: u64 = 1 << 20;

/// A body.
pub(crate) struct Received {
    /// The bytes; empty if they were not to be kept.
    pub bytes: Bytes,
    /// How many there were.
    pub len: u64,
    /// Their SHA-256 in hexadecimal.
    pub sha256: String,
    /// The trailers, if any.
    pub trailers: HeaderMap,
    /// From the first byte of the body to its end; zero without a body.
    pub first_byte_to_end: Duration,
}

/// Reads a body to its end.
pub(super) async fn read(
    mut body: Incoming,
    keep: bool,
    record: &RecordHandle,
) -> Result<Received, ApiError> {
    let reserve = if keep { body.size_hint().lower().min(MAX_RESERVE) } else { 0 };
    let mut bytes = BytesMut::with_capacity(usize::try_from(reserve).unwrap_or_default());
    let mut digest = Sha256::new();
    let mut len = 0_u64;
    let mut trailers = HeaderMap::new();
    let mut first_byte = None;
    while let Some(frame) = body.frame().await {
        match frame.map_err(ApiError::Upload)?.into_data() {
            Ok(data) => {
                first_byte.get_or_insert_with(Instant::now);
                digest.update(&data);
                len += data.len() as u64;
                if keep {
                    bytes.extend_from_slice(&data);
                }
                record.note(|record| record.body_bytes = len);
            }
            Err(frame) => {
                if let Ok(map) = frame.into_trailers() {
                    trailers = map;
                }
            }
        }
    }
    let sha256 = hex(&digest.finalize());
    record.note(|record| record.body_sha256 = Some(sha256.clone()));
    let first_byte_to_end = first_byte.map_or(Duration::ZERO, |at: Instant| at.elapsed());
    Ok(Received { bytes: bytes.freeze(), len, sha256, trailers, first_byte_to_end })
}

/// A text as a header's value; what a header cannot carry becomes empty.
pub(super) fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
