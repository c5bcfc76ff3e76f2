//! Names the field at a position of a JSON text: `baseModels[0].name`.
//!
//! The parser says where in the text it met an error, operators look for the field. So
//! the text is walked again up to there, once, when there is an error.
//!
//! Invariant: the position lies in the field that is named, or directly behind it; no
//! text and no position makes the walk panic. Rejected: the crate `serde_path_to_error`,
//! which wraps the reader of every type once more: an eighth of the BBR module.

use std::fmt::Write;

/// One step from a value into it.
enum Step<'a> {
    /// Into an object: the key as it is written, with escapes; empty before the first.
    Key(&'a [u8]),
    /// Into a list.
    Index(usize),
}

/// The path of the field at this line and column, counted from 1 and the column in bytes
/// as `serde_json` does; `.` for the whole.
pub(super) fn field(json: &[u8], line: usize, column: usize) -> String {
    let lines = json.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines.take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    let mut rest = json.get(..before.saturating_add(column)).unwrap_or(json);
    let mut steps: Vec<Step<'_>> = Vec::new();
    let mut is_key = false;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'"' => {
                let (text, behind) = string(rest);
                rest = behind;
                if let Some(Step::Key(key)) = steps.last_mut().filter(|_| is_key) {
                    *key = text;
                }
                is_key = false;
            }
            b'{' => {
                steps.push(Step::Key(b""));
                is_key = true;
            }
            b'[' => {
                steps.push(Step::Index(0));
                is_key = false;
            }
            b'}' | b']' => {
                steps.pop();
                is_key = false;
            }
            b',' => match steps.last_mut() {
                Some(Step::Index(index)) => *index = index.saturating_add(1),
                Some(Step::Key(_)) => is_key = true,
                None => {}
            },
            _ => {}
        }
    }
    path(&steps)
}

/// What the string holds whose quotation mark was just read, and what comes behind it.
fn string(rest: &[u8]) -> (&[u8], &[u8]) {
    let mut is_escaped = false;
    let end = rest.iter().position(|byte| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    });
    let (text, behind) = rest.split_at(end.unwrap_or(rest.len()));
    (text, behind.get(1..).unwrap_or_default())
}

fn path(steps: &[Step<'_>]) -> String {
    let mut path = String::new();
    for step in steps {
        // Writing to a string cannot fail.
        let _ = match step {
            Step::Key(b"") => Ok(()),
            Step::Key(key) => {
                let dot = if path.is_empty() { "" } else { "." };
                write!(path, "{dot}{}", String::from_utf8_lossy(key))
            }
            Step::Index(index) => write!(path, "[{index}]"),
        };
    }
    if path.is_empty() {
        path.push('.');
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// The field at the first `@`, which is taken out.
    fn at(text: &str) -> String {
        let at = text.find('@').unwrap();
        let text = text.replacen('@', "", 1);
        let (line, column) = text[..at].bytes().fold((1, 0), |(line, column), byte| {
            if byte == b'\n' { (line + 1, 0) } else { (line, column + 1) }
        });
        field(text.as_bytes(), line, column)
    }

    #[test]
    fn the_field_around_or_before_a_position_is_named() {
        for (text, expected) in [
            ("@{}", "."),
            ("{@}", "."),
            ("{}@", "."),
            (r#"{"a@": 1}"#, "a"),
            (r#"{"a": @1}"#, "a"),
            (r#"{"a": 1@}"#, "a"),
            (r#"{"a": 1, "b@"}"#, "b"),
            (r#"{"a": {"b": 1}@}"#, "a"),
            (r#"{"a": {"b": 1@}}"#, "a.b"),
            (r#"{"a": [{}, {"b": 1}@]}"#, "a[1]"),
            (r#"{"a": [[0, 1], [2, 3, 4@]]}"#, "a[1][2]"),
            ("{\"a\": 1,\n \"b\": {\n\"c\":@ 2}}", "b.c"),
            (r#"{"a{[,\"}": "x,\\", "b": 1@}"#, "b"),
            (r#"{"a\"b": 1@}"#, r#"a\"b"#),
        ] {
            assert_eq!(at(text), expected, "{text}");
        }
    }

    #[test]
    fn no_text_and_no_position_makes_it_panic() {
        for text in ["", "\"", "\\", "]]}},,", "{\"a\\", "[[[[", "{{{{", "\n\n", "\u{e4}\""] {
            for line in [0, 1, 2, usize::MAX] {
                for column in [0, 1, 2, 3, usize::MAX] {
                    assert!(!field(text.as_bytes(), line, column).is_empty());
                }
            }
        }
    }
}
