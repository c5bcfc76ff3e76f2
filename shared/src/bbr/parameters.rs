//! The parameters of `content-type` and `content-disposition`: `; name=value; name="value"`.
//!
//! Invariant: what is read here has one reading. Model servers read these headers with
//! parsers of their own, which differ in what they do about a name that stands there
//! twice, about a quote behind a backslash, about white space around `=`; such headers
//! are refused. Rejected: the parsers of `mime` and `multer`, which choose a reading.

/// What cannot be read, or can be read in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unclear;

/// Names as written with their values, in their order; no name stands there twice, in
/// whatever case. `text` starts behind the type.
pub(super) fn parameters(text: &str) -> Result<Vec<(&str, &str)>, Unclear> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    let mut rest = text.trim_matches(BLANKS);
    while !rest.is_empty() {
        rest = rest.strip_prefix(';').ok_or(Unclear)?.trim_start_matches(BLANKS);
        if rest.is_empty() {
            break;
        }
        let (name, behind) = rest.split_once('=').ok_or(Unclear)?;
        let (value, behind) = value(behind)?;
        if !is_token(name) || found.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            return Err(Unclear);
        }
        found.push((name, value));
        rest = behind.trim_start_matches(BLANKS);
    }
    Ok(found)
}

/// What may surround a parameter.
pub(super) const BLANKS: [char; 2] = [' ', '\t'];

/// The value at the start of the text, and what follows.
fn value(text: &str) -> Result<(&str, &str), Unclear> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (value, behind) = quoted.split_at_checked(closing_quote(quoted)).ok_or(Unclear)?;
        let behind = behind.strip_prefix('"').ok_or(Unclear)?;
        // Whoever takes an escaped quote for the end must find no parameter behind it.
        let clear = !value.contains('"') || !value.contains([';', '=']);
        let clear = clear && !value.ends_with('\\') && !value.contains(char::is_control);
        return if clear { Ok((value, behind)) } else { Err(Unclear) };
    }
    let end = text.find([';', ' ', '\t']).unwrap_or(text.len());
    let (value, behind) = text.split_at_checked(end).ok_or(Unclear)?;
    if is_token(value) { Ok((value, behind)) } else { Err(Unclear) }
}

/// Where the first quote stands that has no backslash before it, or the text's end.
/// Behind a backslash at the end of a Windows path, that is a later one, if any.
fn closing_quote(text: &str) -> usize {
    let mut before = '"';
    let closing = text.find(|character| {
        let closes = character == '"' && before != '\\';
        before = character;
        closes
    });
    closing.unwrap_or(text.len())
}

/// Whether it is a token of RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn read(text: &str) -> Option<Vec<(&str, &str)>> {
        parameters(text).ok()
    }

    #[test]
    fn tokens_and_quoted_texts_are_read() {
        assert_eq!(read(""), Some(vec![]));
        assert_eq!(read(" ; "), Some(vec![]));
        assert_eq!(
            read("; Name=model ;\tfilename=\"C:\\a; b=ü.wav\";"),
            Some(vec![("Name", "model"), ("filename", "C:\\a; b=ü.wav")])
        );
        assert_eq!(read(r#";a="b \"c\"""#), Some(vec![("a", r#"b \"c\""#)]));
        assert_eq!(read(";a=\"\""), Some(vec![("a", "")]));
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        for text in [
            "x",
            ";a",
            ";a=",
            ";=b",
            "; a =b",
            "; a= b",
            "; a=b c=d",
            "; a=\"b",
            "; a=\"b\"c",
            "; a=\"\\\"; b=\"c\"",
            r#"; a="\"; b=\"c""#,
            "; a=b; A=c",
            "; a=\"\u{1}\"",
            "; a=\"b\nc\"",
            "; a=(b)",
            "; ü=b",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
