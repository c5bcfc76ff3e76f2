//! The headers of a form's part: is it the `model`, is it a file?
//!
//! Invariant: every parser that reads these headers at all finds the same name. The
//! parsers of model servers take the first or the last of two `content-disposition`s,
//! see headers behind a bare line feed or not, know `name*` or not; a part that relies
//! on any of that is refused.

use super::super::parameters::{BLANKS, parameters};
use super::FormError;

/// More headers than any client gives a part.
const MAX_HEADERS: usize = 16;

/// What the headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) is_model: bool,
    pub(super) is_file: bool,
    /// Its text reads the same in all charsets that it may be said to have, if in ASCII.
    pub(super) must_be_ascii: bool,
}

impl Head {
    /// Reads headers with the empty line behind them.
    pub(super) fn read(block: &[u8]) -> Result<Self, FormError> {
        if has_bare_line_end(block) {
            return Err(FormError::Head);
        }
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let Ok(httparse::Status::Complete((_, headers))) =
            httparse::parse_headers(block, &mut headers)
        else {
            return Err(FormError::Head);
        };
        let mut dispositions =
            headers.iter().filter(|header| header.name.eq_ignore_ascii_case("content-disposition"));
        let (Some(disposition), None) = (dispositions.next(), dispositions.next()) else {
            return Err(FormError::Disposition);
        };
        let mut head = Self::of(disposition.value).ok_or(FormError::Disposition)?;
        if head.is_model {
            for header in headers.iter() {
                head.must_be_ascii |= must_be_ascii(header)?;
            }
        }
        Ok(head)
    }

    /// Reads the value of `content-disposition`.
    fn of(disposition: &[u8]) -> Option<Self> {
        // File names come as the client's disk has them, in any charset; ASCII is left alone.
        let text = String::from_utf8_lossy(disposition);
        let (kind, rest) = text.split_at_checked("form-data".len())?;
        if !kind.eq_ignore_ascii_case("form-data") {
            return None;
        }
        let parameters = parameters(rest).ok()?;
        let (first, _) = parameters.first()?;
        let mut name = None;
        let mut is_file = false;
        let mut is_usual = *first == "name";
        let mut is_plain = true;
        for (parameter, value) in &parameters {
            match *parameter {
                // In small letters, since some do not know it otherwise.
                "name" => {
                    name = Some(*value);
                    continue;
                }
                "filename" | "filename*" => is_file = true,
                other if other.to_ascii_lowercase().contains("name") => return None,
                _ => is_usual = false,
            }
            is_plain &= !value.contains('=') && !value.eq_ignore_ascii_case("model");
        }
        // Some search for the name, also in what other parameters say: unless it comes
        // first, as with nearly all clients, there may be nothing else to find.
        let name = name.filter(|_| is_usual || is_plain)?;
        // Some undo the backslash, some drop what is not UTF-8.
        let is_clear = !name.contains(['\\', char::REPLACEMENT_CHARACTER]);
        is_clear.then_some(Self { is_model: name == "model", is_file, must_be_ascii: false })
    }
}

/// Whether a line ends in anything but a carriage return with a line feed.
fn has_bare_line_end(block: &[u8]) -> bool {
    let mut before = 0;
    let mut bytes = block.iter().copied();
    let bare = bytes.any(|byte| {
        let bare = (byte == b'\n') != (before == b'\r');
        before = byte;
        bare
    });
    bare || before == b'\r'
}

/// Whether the header gives the part a charset in which only ASCII reads as in UTF-8; an
/// error if it makes another text of the part.
fn must_be_ascii(header: &httparse::Header<'_>) -> Result<bool, FormError> {
    let is = |name: &str| header.name.eq_ignore_ascii_case(name);
    let value = str::from_utf8(header.value).map_err(|_| FormError::EncodedModel)?;
    if is("content-transfer-encoding") {
        let plain = ["7bit", "8bit", "binary"];
        let is_plain = plain.iter().any(|plain| value.eq_ignore_ascii_case(plain));
        return if is_plain { Ok(false) } else { Err(FormError::EncodedModel) };
    }
    if !is("content-type") {
        return Ok(false);
    }
    let rest = value.find(';').and_then(|at| value.get(at..)).unwrap_or_default();
    let parameters =
        parameters(rest.trim_end_matches(BLANKS)).map_err(|_| FormError::EncodedModel)?;
    let charset = parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("charset"));
    match charset {
        Some((_, charset)) if extends_ascii(charset) => Ok(true),
        Some((_, charset)) if !is_utf8(charset) => Err(FormError::EncodedModel),
        _ => Ok(false),
    }
}

/// Whether it is a charset that older Java clients name, in which ASCII is ASCII.
fn extends_ascii(charset: &str) -> bool {
    let known = ["us-ascii", "ascii", "iso-8859-1", "latin1", "iso-8859-15", "windows-1252"];
    known.iter().any(|known| charset.eq_ignore_ascii_case(known))
}

/// Whether a `charset` reads text as UTF-8 does.
pub(crate) fn is_utf8(charset: &str) -> bool {
    ["utf-8", "utf8"].iter().any(|utf8| charset.eq_ignore_ascii_case(utf8))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn read(headers: &str) -> Result<(bool, bool), FormError> {
        let head = Head::read(format!("{headers}\r\n\r\n").as_bytes());
        head.map(|head| (head.is_model, head.is_file))
    }

    #[test]
    fn what_clients_send_is_read() {
        let text = "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 9";
        for (headers, expected) in [
            ("Content-Disposition: form-data; name=\"model\"", (true, false)),
            ("content-disposition:FORM-DATA;name=model;", (true, false)),
            ("Content-Disposition: form-data; name=\"Model\"", (false, false)),
            ("Content-Disposition: form-data; name=\"\"", (false, false)),
            ("Content-Disposition: form-data; name=\"file\"; filename=\"a\"", (false, true)),
            (
                "Content-Disposition: form-data; name=\"file\"; filename=\"ä\"; \
                 filename*=utf-8''%C3%A4\r\nContent-Type: audio/wav",
                (false, true),
            ),
            ("Content-Disposition: form-data; name=model; filename*=utf-8''m", (true, true)),
            // Jersey's order.
            (
                "Content-Disposition: form-data; filename=\"a.wav\"; size=9; name=\"file\"",
                (false, true),
            ),
            // Go's escapes.
            (
                r#"Content-Disposition: form-data; name="file"; filename="a \"b\".wav""#,
                (false, true),
            ),
        ] {
            assert_eq!(read(headers), Ok(expected), "{headers}");
            assert_eq!(read(&format!("{text}\r\n{headers}")), Ok(expected), "{headers}");
        }
    }

    #[test]
    fn names_with_two_readings_are_refused() {
        for headers in [
            "X: y",
            "Content-Disposition: form-data",
            "Content-Disposition: attachment; name=\"model\"",
            "Content-Disposition: form-data; filename=\"m\"",
            "Content-Disposition: form-data; name*=utf-8''model",
            "Content-Disposition: form-data; name*0=mo; name*1=del",
            "Content-Disposition: form-data; name=\"x\"; name=\"model\"",
            "Content-Disposition: form-data; name=\"x\"; Name=\"model\"",
            "Content-Disposition: form-data; name=\"mod\\el\"",
            "Content-Disposition: form-data; x=\"\\\"; name=\"model\"",
            "Content-Disposition: form-data; name =model",
            "Content-Disposition: form-data; Name=model",
            "Content-Disposition: form-data; filename=\" name=x\"; name=model",
            "Content-Disposition: form-data; name=model; x=\" filename=y\"",
            "Content-Disposition: form-data; name=model; Filename=y",
            "Content-Disposition: form-data; filename=model; name=x",
            "Content-Disposition: form-data; size=model; name=x",
            "Content-Disposition: form-data; name=x; filename=\"a\\\"; name=\\\"model\"",
            "Content-Disposition: form-data; name=\"\u{e9}\" x",
            "Content-Disposition: form-data; name=model\r\nContent-Disposition: form-data; name=x",
        ] {
            assert_eq!(read(headers), Err(FormError::Disposition), "{headers}");
        }
    }

    #[test]
    fn headers_with_two_readings_are_refused() {
        for headers in [
            "Content-Disposition: form-data; name=model\r\nX: a\nContent-Disposition: form-data; name=x",
            "Content-Disposition: form-data; name=model\r\nX: a\rb",
            "Content-Disposition: form-data;\r\n name=model",
            "Content-Disposition : form-data; name=model",
            "Content-Disposition: form-data; name=\"mod\0el\"",
            &"X: y\r\n".repeat(MAX_HEADERS + 1),
            "no colon",
        ] {
            assert_eq!(read(headers), Err(FormError::Head), "{headers:?}");
        }
        assert_eq!(Head::read(b"\r\n"), Err(FormError::Disposition));
    }

    #[test]
    fn file_names_need_not_be_utf_8_and_names_must() {
        let head = |name: &[u8], file: &[u8]| {
            let start = b"Content-Disposition: form-data; name=\"";
            let head = [start, name, b"\"; filename=\"", file, b"\"\r\n\r\n"].concat();
            Head::read(&head).map(|head| head.is_file)
        };
        assert_eq!(head(b"file", b"\xe4.wav"), Ok(true));
        assert_eq!(head(b"mod\xe4el", b"a.wav"), Err(FormError::Disposition));
    }

    #[test]
    fn a_model_in_a_charset_that_extends_ascii_must_be_ascii() {
        for (charset, expected) in [("ISO-8859-1", true), ("us-ascii", true), ("utf-8", false)] {
            let head = format!(
                "Content-Disposition: form-data; name=\"model\"\r\n\
                 Content-Type: text/plain; charset={charset}\r\n\r\n"
            );
            let head = Head::read(head.as_bytes()).map(|head| head.must_be_ascii);
            assert_eq!(head, Ok(expected), "{charset}");
        }
    }

    #[test]
    fn a_model_in_another_encoding_is_refused_and_any_other_field_may_have_one() {
        for header in [
            "Content-Transfer-Encoding: base64",
            "Content-Type: text/plain; charset=utf-7",
            "Content-Type: text/plain; charset=utf-8; charset=utf-7",
        ] {
            let model = format!("{header}\r\nContent-Disposition: form-data; name=model");
            assert_eq!(read(&model), Err(FormError::EncodedModel), "{header}");
            let other = format!("{header}\r\nContent-Disposition: form-data; name=x");
            assert_eq!(read(&other), Ok((false, false)), "{header}");
        }
        let plain = "Content-Transfer-Encoding: 8bit\r\nContent-Type: text/plain; charset=UTF-8";
        let model = format!("{plain}\r\nContent-Disposition: form-data; name=model");
        assert_eq!(read(&model), Ok((true, false)));
    }
}
