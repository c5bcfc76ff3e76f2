//! What to do with a request, from its headers alone.

use percent_encoding::percent_decode;

use super::content::{BodyKind, is_identity};
use super::path::without_query;
use super::rejection::Rejection;
use super::settings::Settings;
use super::{BASE_MODEL_HEADER, MODEL_HEADER};

/// What the headers say. Values are raw bytes: headers need not be UTF-8.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestHead<'a> {
    /// `:method`.
    pub method: &'a [u8],
    /// `:path`, with its query.
    pub path: &'a [u8],
    /// `content-type`; none also if there are several, which then say nothing.
    pub content_type: Option<&'a [u8]>,
    /// The first `content-encoding` that changes the body.
    pub content_encoding: Option<&'a [u8]>,
    /// `content-length`.
    pub content_length: Option<&'a [u8]>,
    /// Whether the client sent [`MODEL_HEADER`](super::MODEL_HEADER).
    pub has_model_header: bool,
    /// Whether the client sent [`BASE_MODEL_HEADER`](super::BASE_MODEL_HEADER).
    pub has_base_model_header: bool,
}

impl<'a> RequestHead<'a> {
    /// Reads the head from headers with names in lower case.
    pub fn from_headers(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut head = Self::default();
        let mut content_types = 0_usize;
        for (name, value) in headers {
            match name {
                b":method" => head.method = value,
                b":path" => head.path = value,
                b"content-type" => {
                    content_types = content_types.saturating_add(1);
                    head.content_type = (content_types == 1).then_some(value);
                }
                b"content-encoding" if !is_identity(value) => {
                    head.content_encoding.get_or_insert(value);
                }
                b"content-length" => head.content_length = Some(value),
                name if name == MODEL_HEADER.as_bytes() => head.has_model_header = true,
                name if name == BASE_MODEL_HEADER.as_bytes() => head.has_base_model_header = true,
                _ => {}
            }
        }
        head
    }

    /// `content-length` as a number of bytes.
    #[must_use]
    pub fn body_length(&self) -> Option<u64> {
        str::from_utf8(self.content_length?).ok()?.parse().ok()
    }
}

/// What to do with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Let it pass; its body, if any, does not concern the filter.
    Pass,
    /// Hold the headers and read the body.
    Read(BodyKind),
    /// Answer with the list of models.
    ListModels,
    /// Answer with one model; its decoded id, which may be anything.
    ShowModel(String),
    /// Answer with an error.
    Reject(Rejection),
}

/// Decides what to do with a request that has a body.
#[must_use]
pub fn plan(settings: &Settings, head: &RequestHead<'_>) -> Plan {
    let path = without_query(head.path);
    if !settings.paths.iter().any(|pattern| pattern.covers(path)) {
        return Plan::Pass;
    }
    let kind = match BodyKind::of(head.content_type) {
        BodyKind::Other => return Plan::Pass,
        BodyKind::BrokenMultipart(error) => return Plan::Reject(error.into()),
        kind => kind,
    };
    if head.content_encoding.is_some() {
        return Plan::Reject(Rejection::EncodedBody);
    }
    // What is only sniffed may turn out to be none of the filter's business.
    let counts = kind != BodyKind::Sniff;
    if counts && head.body_length().is_some_and(|length| length > settings.max_body_bytes) {
        return Plan::Reject(Rejection::BodyTooLarge { limit: settings.max_body_bytes });
    }
    Plan::Read(kind)
}

/// Decides what to do with a request that has no body.
#[must_use]
pub fn plan_without_body(settings: &Settings, head: &RequestHead<'_>) -> Plan {
    if !settings.serve_models || !matches!(head.method, b"GET" | b"HEAD") {
        return Plan::Pass;
    }
    match without_query(head.path).strip_prefix(b"/v1/models") {
        Some(b"" | b"/") => Plan::ListModels,
        // Ids have slashes, and some clients escape them.
        Some([b'/', id @ ..]) => {
            Plan::ShowModel(percent_decode(id).decode_utf8_lossy().into_owned())
        }
        _ => Plan::Pass,
    }
}
