//! Metrics as an operator names them: `name` or `name{label="value",…}`.

use std::str::FromStr;

use crate::exposition::{
    FamilyName, InvalidFamilyName, Sample, is_label_name, quoted_value, skip_blanks, unescape,
};

/// The series of a family whose labels have these values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    pub(super) family: FamilyName,
    pub(super) labels: Vec<(String, String)>,
}

/// A text that selects no series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSelector {
    /// What stands before the braces is no metric's name.
    #[error(transparent)]
    Family(#[from] InvalidFamilyName),
    /// What stands before `=` is no label's name.
    #[error("\"{label}\" is not a label's name: letters, digits and \"_\" only, no digit first")]
    LabelName {
        /// The text.
        label: String,
    },
    /// There is no value, no quote at its end, or more behind it.
    #[error("expected {label}=\"value\", then \",\" or \"}}\"")]
    LabelValue {
        /// The label.
        label: String,
    },
    /// There is no `=` in what should be a label.
    #[error("expected label=\"value\" in the braces and \"}}\" at the end, found \"{found}\"")]
    Label {
        /// What stands there.
        found: String,
    },
    /// Something stands behind the closing brace.
    #[error("expected nothing behind \"}}\", found \"{found}\"")]
    Trailing {
        /// What stands there.
        found: String,
    },
}

impl Selector {
    /// Whether it selects this sample of its family. As in Prometheus, a label that is
    /// not there has the empty value.
    pub(super) fn matches(&self, sample: &Sample<'_>) -> bool {
        let wanted = |(name, value): &(String, String)| {
            sample.label(name).unwrap_or_default() == value.as_str()
        };
        self.labels.iter().all(wanted)
    }
}

impl FromStr for Selector {
    type Err = InvalidSelector;

    /// Values may stand without quotes, as in the reference's flags.
    fn from_str(text: &str) -> Result<Self, InvalidSelector> {
        let text = text.trim();
        let Some((family, mut rest)) = text.split_once('{') else {
            return Ok(Self { family: text.parse()?, labels: Vec::new() });
        };
        let family = family.trim_end().parse()?;
        let mut labels = Vec::new();
        loop {
            rest = rest.trim_start();
            if let Some(behind) = rest.strip_prefix('}') {
                return match behind.trim() {
                    "" => Ok(Self { family, labels }),
                    found => Err(InvalidSelector::Trailing { found: found.to_owned() }),
                };
            }
            let (label, value, behind) = label(rest)?;
            labels.push((label.to_owned(), value));
            rest = behind.strip_prefix(',').unwrap_or(behind);
        }
    }
}

/// The label at the start of the text: name, value and what follows, a comma or a
/// closing brace.
fn label(text: &str) -> Result<(&str, String, &str), InvalidSelector> {
    let Some((label, rest)) = text.split_once('=') else {
        return Err(InvalidSelector::Label { found: text.to_owned() });
    };
    let label = label.trim_end();
    if !is_label_name(label) {
        return Err(InvalidSelector::LabelName { label: label.to_owned() });
    }
    let wrong = || InvalidSelector::LabelValue { label: label.to_owned() };
    let rest = skip_blanks(rest);
    let (value, behind) = if rest.starts_with('"') {
        let (raw, behind) = quoted_value(rest).ok_or_else(wrong)?;
        (unescape(raw).into_owned(), behind.trim_start())
    } else {
        let end = rest.find([',', '}']).ok_or_else(wrong)?;
        let (value, behind) = rest.split_at(end);
        (value.trim_end().to_owned(), behind)
    };
    let unquoted_garbage = !rest.starts_with('"') && (value.is_empty() || value.contains('"'));
    if unquoted_garbage || !behind.starts_with([',', '}']) {
        return Err(wrong());
    }
    Ok((label, value, behind))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    type Labels = &'static [(&'static str, &'static str)];

    fn parse(text: &str) -> Result<(String, Vec<(String, String)>), InvalidSelector> {
        let selector: Selector = text.parse()?;
        Ok((selector.family.to_string(), selector.labels))
    }

    #[test]
    fn a_name_with_or_without_labels_is_read() {
        let labels = |labels: &[(&str, &str)]| -> Vec<(String, String)> {
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let cases: [(&str, &str, Labels); 7] = [
            ("vllm:q", "vllm:q", &[]),
            (" q{} ", "q", &[]),
            ("q{a=\"b\"}", "q", &[("a", "b")]),
            ("q { a = \"b\" , c=\"d\", }", "q", &[("a", "b"), ("c", "d")]),
            (r#"q{a="x\\y\"z\n}"}"#, "q", &[("a", "x\\y\"z\n}")]),
            ("q{a=waiting,b=c d}", "q", &[("a", "waiting"), ("b", "c d")]),
            ("q{a=\"\"}", "q", &[("a", "")]),
        ];
        for (text, family, expected) in cases {
            assert_eq!(parse(text), Ok((family.to_owned(), labels(expected))), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let cases = [
            (
                "",
                "\"\" is not a metric's name: letters, digits, \"_\" and \":\" only, no digit first",
            ),
            (
                "9q",
                "\"9q\" is not a metric's name: letters, digits, \"_\" and \":\" only, no digit first",
            ),
            (
                "a b",
                "\"a b\" is not a metric's name: letters, digits, \"_\" and \":\" only, no digit first",
            ),
            (
                "{a=\"b\"}",
                "\"\" is not a metric's name: letters, digits, \"_\" and \":\" only, no digit first",
            ),
            ("q{", "expected label=\"value\" in the braces and \"}\" at the end, found \"\""),
            ("q{a}", "expected label=\"value\" in the braces and \"}\" at the end, found \"a}\""),
            (
                "q{a!=\"b\"}",
                "\"a!\" is not a label's name: letters, digits and \"_\" only, no digit first",
            ),
            ("q{,}", "expected label=\"value\" in the braces and \"}\" at the end, found \",}\""),
            ("q{a=~\"b\"}", "expected a=\"value\", then \",\" or \"}\""),
            ("q{a=}", "expected a=\"value\", then \",\" or \"}\""),
            ("q{a=\"b}", "expected a=\"value\", then \",\" or \"}\""),
            ("q{a=\"b\"", "expected a=\"value\", then \",\" or \"}\""),
            ("q{a=\"b\" c=\"d\"}", "expected a=\"value\", then \",\" or \"}\""),
            ("q{a=\"b\"} 1", "expected nothing behind \"}\", found \"1\""),
        ];
        for (text, message) in cases {
            assert_eq!(parse(text).expect_err(text).to_string(), message, "{text}");
        }
    }
}
