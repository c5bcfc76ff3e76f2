//! Names of metrics.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// A name that a sample can have: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
///
/// It is the sample's name, so `x_total` for the counter that OpenMetrics calls `x`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FamilyName(Cow<'static, str>);

/// A text that no metric can be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{name}\" is not a metric's name: letters, digits, \"_\" and \":\" only, no digit first")]
pub struct InvalidFamilyName {
    /// The text.
    pub name: String,
}

impl FamilyName {
    /// A name that stands in this program's text. That it is valid is for a test to
    /// show; one that is not is never found on a page.
    pub(crate) const fn known(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FamilyName {
    type Err = InvalidFamilyName;

    fn from_str(name: &str) -> Result<Self, InvalidFamilyName> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
        let first = name.bytes().next();
        if first.is_some_and(|byte| !byte.is_ascii_digit()) && name.bytes().all(valid) {
            Ok(Self(Cow::Owned(name.to_owned())))
        } else {
            Err(InvalidFamilyName { name: name.to_owned() })
        }
    }
}

impl fmt::Display for FamilyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
