//! What kind of body the headers announce.

use mime::Mime;

/// How a body is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyKind {
    /// As JSON.
    Json,
    /// As JSON if its first byte that is not white space is `{`; else it passes.
    /// For clients that name no type, and for curl, which calls every `-d` a form.
    Sniff,
    /// As `multipart/form-data` with this boundary.
    Multipart {
        /// The text between parts.
        boundary: String,
    },
    /// As multipart, but the boundary is missing.
    MultipartWithoutBoundary,
    /// Not at all.
    Other,
}

impl BodyKind {
    /// The kind for a `content-type` header.
    #[must_use]
    pub fn of(content_type: Option<&[u8]>) -> Self {
        let Some(content_type) = content_type else {
            return Self::Sniff;
        };
        // The one that nearly every request has, without parsing.
        if content_type == b"application/json" {
            return Self::Json;
        }
        let Ok(text) = str::from_utf8(content_type) else {
            return Self::Other;
        };
        if text.trim().is_empty() {
            return Self::Sniff;
        }
        let Ok(parsed) = text.parse::<Mime>() else {
            return Self::Other;
        };
        match (parsed.type_(), parsed.subtype()) {
            (mime::APPLICATION, mime::JSON) => Self::Json,
            (mime::APPLICATION, _) if parsed.suffix() == Some(mime::JSON) => Self::Json,
            (mime::APPLICATION, mime::WWW_FORM_URLENCODED) => Self::Sniff,
            (mime::MULTIPART, mime::FORM_DATA) => match parsed.get_param(mime::BOUNDARY) {
                Some(boundary) => Self::Multipart { boundary: boundary.as_str().to_owned() },
                None => Self::MultipartWithoutBoundary,
            },
            _ => Self::Other,
        }
    }
}

/// Whether a `content-encoding` leaves the body as it is.
pub(super) fn is_identity(encoding: &[u8]) -> bool {
    let encoding = encoding.trim_ascii();
    encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_types_are_read_as_json() {
        for json in
            ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json"]
        {
            assert_eq!(BodyKind::of(Some(json.as_bytes())), BodyKind::Json, "{json}");
        }
    }

    #[test]
    fn absent_types_and_curl_s_default_are_looked_into() {
        assert_eq!(BodyKind::of(None), BodyKind::Sniff);
        assert_eq!(BodyKind::of(Some(b" ")), BodyKind::Sniff);
        assert_eq!(BodyKind::of(Some(b"application/x-www-form-urlencoded")), BodyKind::Sniff);
    }

    #[test]
    fn forms_are_read_by_their_boundary() {
        let boundary = || Some("x y".to_owned());
        assert_eq!(
            BodyKind::of(Some(b"multipart/form-data; boundary=\"x y\"")),
            BodyKind::Multipart { boundary: boundary().unwrap_or_default() }
        );
        assert_eq!(BodyKind::of(Some(b"multipart/form-data")), BodyKind::MultipartWithoutBoundary);
    }

    #[test]
    fn everything_else_passes_hostile_bytes_too() {
        for other in
            [&b"text/plain"[..], b"image/png", b"\xff\xfe", b";;", b"multipart/mixed; boundary=x"]
        {
            assert_eq!(BodyKind::of(Some(other)), BodyKind::Other, "{other:?}");
        }
    }
}
