//! A sample's labels: `name="value",…}`.
//!
//! Invariant: [`split`] has gone through all of them before anybody sees a
//! sample, so the iterator meets nothing it cannot read. Values are unescaped when
//! they are asked for, since most never are.

use std::borrow::Cow;

use memchr::memchr2;

/// The labels of a sample, in the order of the page: names and unescaped values.
#[derive(Debug, Clone)]
pub struct Labels<'a>(pub(super) &'a str);

impl<'a> Iterator for Labels<'a> {
    type Item = (&'a str, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, raw, rest) = label(self.0)?;
        let rest = skip_blanks(rest);
        self.0 = skip_blanks(rest.strip_prefix(',').unwrap_or(rest));
        Some((name, unescape(raw)))
    }
}

/// Splits what follows an opening brace into the labels and what follows the closing
/// one. `None`: these are not labels.
pub(super) fn split(text: &str) -> Option<(&str, &str)> {
    let labels = skip_blanks(text);
    let mut rest = labels;
    loop {
        if let Some(behind) = rest.strip_prefix('}') {
            return Some((labels.get(..labels.len() - rest.len())?, behind));
        }
        rest = skip_blanks(label(rest)?.2);
        match rest.strip_prefix(',') {
            Some(behind) => rest = skip_blanks(behind),
            None if rest.starts_with('}') => {}
            None => return None,
        }
    }
}

/// The label at the start of the text: name, value as written, and what follows.
fn label(text: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = text.split_once('=')?;
    let name = name.trim_end_matches(BLANKS);
    let (raw, rest) = quoted_value(skip_blanks(rest))?;
    is_label_name(name).then_some((name, raw, rest))
}

/// The text between the quote at the start and the next one that is not escaped, and
/// what follows.
pub(crate) fn quoted_value(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('"')?;
    let mut at = 0;
    loop {
        at += memchr2(b'"', b'\\', text.as_bytes().get(at..)?)?;
        if text.as_bytes().get(at) == Some(&b'"') {
            return Some((text.get(..at)?, text.get(at + 1..)?));
        }
        at += 2;
    }
}

/// Undoes the escapes `\\`, `\"` and `\n`. A backslash before anything else stands
/// for itself, as Prometheus reads it.
pub(crate) fn unescape(raw: &str) -> Cow<'_, str> {
    let Some((clean, mut rest)) = raw.split_once('\\') else { return Cow::Borrowed(raw) };
    let mut value = String::with_capacity(raw.len());
    value.push_str(clean);
    loop {
        let mut chars = rest.chars();
        match chars.next() {
            Some('n') => value.push('\n'),
            Some(escaped @ ('\\' | '"')) => value.push(escaped),
            Some(other) => value.extend(['\\', other]),
            None => value.push('\\'),
        }
        let Some((clean, behind)) = chars.as_str().split_once('\\') else {
            value.push_str(chars.as_str());
            return Cow::Owned(value);
        };
        value.push_str(clean);
        rest = behind;
    }
}

/// What separates the tokens of a line.
pub(super) const BLANKS: [char; 2] = [' ', '\t'];

/// The text without blanks at its start.
pub(crate) fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches(BLANKS)
}

/// Whether a label may have this name: `[a-zA-Z_][a-zA-Z0-9_]*`.
pub(crate) fn is_label_name(name: &str) -> bool {
    name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
