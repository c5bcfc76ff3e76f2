//! What an artifact says about itself: the annotations of OCI's image specification.
//!
//! Invariant: nothing is invented. What is not known, a revision outside of git say,
//! has no annotation. Rejected: the time of the build as `created`; no two builds would
//! have the same digest. The time of the commit stands there.

use std::collections::BTreeMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const KEY: &str = "org.opencontainers.image.";

/// A time that is no time.
#[derive(Debug, thiserror::Error)]
#[error("{seconds} seconds since 1970 are no time between the years 0 and 9999")]
pub struct TimeError {
    /// Seconds since 1970.
    pub seconds: i64,
}

/// Facts of one release of one module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The module's name, and the last part of its repository: `bbr-filter`.
    pub name: String,
    /// One sentence.
    pub description: Option<String>,
    /// The project's version: `0.1.0`.
    pub version: String,
    /// The commit it was built from; ends with `-dirty` if files were changed since.
    pub revision: Option<String>,
    /// RFC 3339; see [`About::time`].
    pub created: Option<String>,
    /// Where the sources can be fetched.
    pub source: Option<String>,
    /// An SPDX expression.
    pub license: Option<String>,
}

impl About {
    /// A time, given in seconds since 1970, as `created` has it.
    ///
    /// # Errors
    /// It is outside of the years 0 to 9999.
    pub fn time(seconds: i64) -> Result<String, TimeError> {
        let time = OffsetDateTime::from_unix_timestamp(seconds);
        time.ok().and_then(|time| time.format(&Rfc3339).ok()).ok_or(TimeError { seconds })
    }

    /// The annotations every manifest of the release carries.
    pub(crate) fn annotations(&self) -> BTreeMap<String, String> {
        let all = [
            ("title", Some(&self.name)),
            ("description", self.description.as_ref()),
            ("version", Some(&self.version)),
            ("revision", self.revision.as_ref()),
            ("created", self.created.as_ref()),
            ("source", self.source.as_ref()),
            ("licenses", self.license.as_ref()),
        ];
        let known = all.into_iter().filter_map(|(key, value)| Some((key, value?)));
        known.map(|(key, value)| (format!("{KEY}{key}"), value.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_has_no_annotation() {
        let about = About { name: "a".into(), version: "1".into(), ..About::default() };
        let keys: Vec<_> = about.annotations().into_keys().collect();
        assert_eq!(keys, ["org.opencontainers.image.title", "org.opencontainers.image.version"]);
    }

    #[test]
    fn a_time_is_in_utc() {
        assert_eq!(About::time(1_700_000_000).unwrap(), "2023-11-14T22:13:20Z");
        assert!(About::time(i64::MAX).is_err());
    }
}
