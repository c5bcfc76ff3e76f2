//! What kind of body the headers announce.

use super::multipart::is_utf8;
use super::parameters::parameters;

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
    /// As multipart, but the type does not say how.
    BrokenMultipart(FormTypeError),
    /// Not at all.
    Other,
}

/// Why a form's `content-type` does not say how to read the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormTypeError {
    /// There is no boundary.
    #[error("needs a boundary in the content-type header")]
    NoBoundary,
    /// It is no boundary that a form can have (RFC 2046, section 5.1.1).
    #[error("has an invalid boundary in the content-type header")]
    Boundary,
    /// The parameters cannot be read, or in more than one way.
    #[error("has unclear parameters in the content-type header")]
    Parameters,
    /// Texts are not UTF-8.
    #[error("must have its texts in UTF-8")]
    Charset,
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
                Ok(boundary) => Self::Multipart { boundary },
                Err(error) => Self::BrokenMultipart(error),
            },
            None if text.trim().is_empty() => Self::Sniff,
            _ => Self::Other,
        }
    }
}

/// The boundary of a form, if all parsers read the same one.
fn boundary(content_type: &str) -> Result<String, FormTypeError> {
    let rest = content_type.find(';').and_then(|at| content_type.get(at..)).unwrap_or_default();
    let parameters = parameters(rest).map_err(|_| FormTypeError::Parameters)?;
    let mut boundary = None;
    for (name, value) in parameters {
        match name.to_ascii_lowercase().as_str() {
            "boundary" => boundary = Some(value),
            // Servers decode names and texts by it.
            "charset" if !is_utf8(value) => return Err(FormTypeError::Charset),
            extended if extended.starts_with("boundary*") => return Err(FormTypeError::Parameters),
            _ => {}
        }
    }
    let boundary = boundary.filter(|boundary| !boundary.is_empty());
    let boundary = boundary.ok_or(FormTypeError::NoBoundary)?;
    let may_stand = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    let is_sound = boundary.len() <= 70 && boundary.bytes().all(may_stand);
    if is_sound && !boundary.ends_with(' ') {
        Ok(boundary.to_owned())
    } else {
        Err(FormTypeError::Boundary)
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
    }

    #[test]
    fn forms_whose_type_has_no_single_reading_are_refused() {
        for (parameters, error) in [
            ("", FormTypeError::NoBoundary),
            ("; boundary=\"\"", FormTypeError::NoBoundary),
            ("; boundary=a; boundary=b", FormTypeError::Parameters),
            ("; boundary=a; Boundary=b", FormTypeError::Parameters),
            ("; boundary=a; boundary*=utf-8''b", FormTypeError::Parameters),
            ("; boundary=\"a\\\"; x=\"b\"", FormTypeError::Parameters),
            ("; boundary =a", FormTypeError::Parameters),
            ("; boundary=a; charset=utf-7", FormTypeError::Charset),
            ("; boundary=a; charset=\"utf-16\"", FormTypeError::Charset),
            ("; boundary=\"a;b\"", FormTypeError::Boundary),
            ("; boundary=\"a \"", FormTypeError::Boundary),
            ("; boundary=\"\u{e9}\"", FormTypeError::Boundary),
            (&format!("; boundary={}", "x".repeat(71)), FormTypeError::Boundary),
        ] {
            let kind = BodyKind::of(Some(format!("multipart/form-data{parameters}").as_bytes()));
            assert_eq!(kind, BodyKind::BrokenMultipart(error), "{parameters}");
        }
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
