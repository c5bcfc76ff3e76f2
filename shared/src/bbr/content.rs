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
        let Ok(text) = str::from_utf8(content_type) else { return Self::Other };
        let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.split_once('/') {
            Some(("application", "json")) => Self::Json,
            Some(("application", "x-www-form-urlencoded")) => Self::Sniff,
            Some(("application", subtype)) if subtype.ends_with("+json") => Self::Json,
            Some(("multipart", "form-data")) => match boundary(text) {
                Some(boundary) => Self::Multipart { boundary },
                None => Self::MultipartWithoutBoundary,
            },
            None if text.trim().is_empty() => Self::Sniff,
            _ => Self::Other,
        }
    }
}

/// The boundary of a form. `mime` reads the parameters (quotes, escapes), but not
/// the white space that RFC 9110 allows around `;`.
fn boundary(content_type: &str) -> Option<String> {
    let tidy = content_type.split(';').map(str::trim).collect::<Vec<_>>().join("; ");
    let parsed: Mime = tidy.parse().ok()?;
    parsed.get_param(mime::BOUNDARY).map(|boundary| boundary.as_str().to_owned())
}

/// Whether a `content-encoding` leaves the body as it is.
pub(super) fn is_identity(encoding: &[u8]) -> bool {
    let encoding = encoding.trim_ascii();
    encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity")
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn json_types_are_read_as_json() {
        for json in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json ; charset=utf-8",
            " application/json",
            "application/vnd.x+json",
        ] {
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
        assert_eq!(
            BodyKind::of(Some(b"Multipart/Form-Data ; charset=utf-8 ; Boundary=xY")),
            BodyKind::Multipart { boundary: "xY".to_owned() }
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
