//! One line of a page: `name{labels} value [timestamp] [# exemplar]`.

use std::borrow::Cow;

use super::Labels;
use super::labels::{BLANKS, skip_blanks, split};

/// What a line says.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// The family's position in the list of wanted ones.
    pub family: usize,
    /// The sample's name.
    pub name: &'a str,
    /// The value; NaN and infinities are values.
    pub value: f64,
    /// The time as written: milliseconds in Prometheus' format, seconds in OpenMetrics'.
    pub timestamp: Option<f64>,
    labels: &'a str,
}

impl<'a> Sample<'a> {
    /// Reads what follows the name on a line. `None`: it is garbage.
    pub(super) fn read(family: usize, name: &'a str, rest: &'a [u8]) -> Option<Self> {
        let rest = skip_blanks(std::str::from_utf8(rest).ok()?);
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(rest) => split(rest)?,
            None => ("", rest),
        };
        let mut tokens = rest.split(BLANKS).filter(|token| !token.is_empty());
        let value = tokens.next()?.parse().ok()?;
        // An exemplar ends what is of interest.
        let mut tokens = tokens.take_while(|token| !token.starts_with('#'));
        let timestamp = match tokens.next() {
            Some(token) => Some(token.parse().ok().filter(|time: &f64| time.is_finite())?),
            None => None,
        };
        tokens.next().is_none().then_some(Self { family, name, value, timestamp, labels })
    }

    /// The labels, in the order of the page.
    #[must_use]
    pub fn labels(&self) -> Labels<'a> {
        Labels(self.labels)
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<Cow<'a, str>> {
        self.labels().find_map(|(label, value)| (label == name).then_some(value))
    }
}
