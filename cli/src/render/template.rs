//! Fills YAML templates, which stand beside the renderers as files one can read.
//!
//! Invariant: a value is never read as template, and only values made by [`scalar`] or by
//! `fill` itself are put in, so no name can change the structure. Rejected: a serializer
//! for whole configurations (comments are half of their worth) and a template engine (its
//! loops would be a second place for logic).

use super::RenderError;

/// Replaces `@NAME@` in `template`. On a line of its own the value is a block, each of whose
/// lines gets the token's indentation; an empty block removes the line. Elsewhere it is put
/// in as it is.
///
/// # Errors
/// The template has a token without a value.
pub fn fill(template: &str, values: &[(&'static str, String)]) -> Result<String, RenderError> {
    let mut text = String::new();
    for line in template.lines() {
        let trimmed = line.trim_start();
        let indent = line.get(..line.len() - trimmed.len()).unwrap_or_default();
        if let Some(block) = whole_token(trimmed) {
            for line in value(block, values)?.lines() {
                if !line.is_empty() {
                    text.push_str(indent);
                }
                text.push_str(line);
                text.push('\n');
            }
            continue;
        }
        let mut rest = line;
        while let Some((before, name, after)) = token(rest) {
            text.push_str(before);
            text.push_str(value(name, values)?);
            rest = after;
        }
        text.push_str(rest);
        text.push('\n');
    }
    Ok(text)
}

/// A string as a YAML scalar: plain where every reader of YAML takes it for a string,
/// quoted as in JSON otherwise.
#[must_use]
pub fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let letter = |c: char| c.is_ascii_alphabetic();
    // Hexadecimal digits and `e` make numbers; these words are truths or nothing.
    let number = text.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, '.' | '-' | '_'));
    let word = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word));
    let dashes = text.contains("---");
    if text.starts_with(letter) && text.chars().all(plain) && !number && !word && !dashes {
        return text.to_owned();
    }
    // A string always has a JSON form.
    serde_json::to_string(text).unwrap_or_default()
}

fn value<'a>(name: &str, values: &'a [(&'static str, String)]) -> Result<&'a str, RenderError> {
    let found = values.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value.as_str()).ok_or_else(|| RenderError::Write {
        what: "a template",
        reason: format!("nothing fills @{name}@"),
    })
}

fn whole_token(trimmed: &str) -> Option<&str> {
    match token(trimmed) {
        Some(("", name, "")) => Some(name),
        _ => None,
    }
}

/// The text before the first token, its name, the text behind it.
fn token(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let start = from + text.get(from..)?.find('@')?;
        let inner = text.get(start + 1..)?;
        let length = inner.find(|c: char| !c.is_ascii_uppercase() && c != '_')?;
        if length > 0 && inner.get(length..)?.starts_with('@') {
            return Some((text.get(..start)?, inner.get(..length)?, inner.get(length + 1..)?));
        }
        from = start + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_take_the_indentation_and_values_are_not_read_as_template() {
        let values = [("A", "x:\n  y: @B@\n".to_owned()), ("B", "b".to_owned())];
        let text = fill("a:\n  @A@\n  '@type': @B@/@B@\n", &values).unwrap();
        assert_eq!(text, "a:\n  x:\n    y: @B@\n  '@type': b/b\n");
    }

    #[test]
    fn an_empty_block_leaves_no_line_and_a_missing_value_is_an_error() {
        assert_eq!(fill("a\n@A@\nb\n", &[("A", String::new())]).unwrap(), "a\nb\n");
        assert!(fill("@C@", &[]).is_err());
    }

    #[test]
    fn every_scalar_reads_back_as_the_same_string() {
        let hard = [
            "",
            "a",
            "yes",
            "1e3",
            "0x1f",
            "null",
            "a: b",
            "a #b",
            "- a",
            "@x",
            "é",
            "a\nb",
            "~",
            "deadbeef",
            "meta-llama/Llama-3.1-8B-Instruct",
            "1",
            ".5",
            "{a}",
            "a---b",
            "'",
            "\"",
        ];
        for text in hard {
            let read: serde_yaml_ng::Value = serde_yaml_ng::from_str(&scalar(text)).unwrap();
            assert_eq!(read.as_str(), Some(text), "{}", scalar(text));
        }
    }
}
