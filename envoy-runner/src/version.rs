//! Envoy's version as three numbers, so that "new enough" is a comparison.
//!
//! Invariant: a value of this type came from three numbers, so it can stand in a
//! file name or in a requirement for pip. Rejected: a general version crate; Envoy
//! has no pre-release ordering that anything here depends on.

use std::fmt;
use std::str::FromStr;

/// A released Envoy, such as `1.40.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvoyVersion {
    major: u16,
    minor: u16,
    patch: u16,
}

impl EnvoyVersion {
    /// What is fetched when nobody asks for another one.
    pub const PINNED: Self = Self::new(1, 40, 0);
    /// `allow_on_headers_stop_iteration` and the `override_host` policy begin here.
    pub const OLDEST_USABLE: Self = Self::new(1, 35, 0);

    /// The version `major.minor.patch`.
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }
}

impl fmt::Display for EnvoyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The text is not `major.minor.patch`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an Envoy version; expected three numbers such as 1.40.0")]
pub struct VersionError {
    /// What was given.
    pub text: String,
}

impl FromStr for EnvoyVersion {
    type Err = VersionError;

    /// Accepts `1.40.0` and, as development builds say it, `1.41.0-dev`.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let refuse = || VersionError { text: text.to_owned() };
        let numbers = text.split_once('-').map_or(text, |(numbers, _)| numbers);
        let mut parts = numbers.split('.').map(str::parse::<u16>);
        let mut next = || parts.next().and_then(Result::ok).ok_or_else(refuse);
        let version = Self::new(next()?, next()?, next()?);
        if parts.next().is_some() { Err(refuse()) } else { Ok(version) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_by_number_not_by_letter() {
        let old: EnvoyVersion = "1.9.10".parse().unwrap();
        assert!(old < EnvoyVersion::OLDEST_USABLE);
        assert!("1.35.0".parse::<EnvoyVersion>().unwrap() >= EnvoyVersion::OLDEST_USABLE);
    }

    #[test]
    fn reads_a_development_build() {
        assert_eq!("1.41.0-dev".parse(), Ok(EnvoyVersion::new(1, 41, 0)));
    }

    #[test]
    fn refuses_what_has_not_three_numbers() {
        for text in ["", "1", "1.40", "1.40.0.1", "v1.40.0", "1.40.x", "../1.40.0"] {
            assert!(text.parse::<EnvoyVersion>().is_err(), "{text}");
        }
    }
}
