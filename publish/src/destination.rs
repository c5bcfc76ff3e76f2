//! Where a release goes: a registry, a folder in it and a tag.
//!
//! Invariant: a [`Destination`] names its registry. Rejected: Docker's habit of taking
//! `team/gateway` for a repository on Docker Hub; a forgotten registry must not publish
//! anything anywhere.

use oci_client::{ParseError, Reference};
use std::fmt;
use std::str::FromStr;

/// The most characters of a tag (OCI distribution specification).
const TAG_MAX: usize = 128;

/// What is added to a tag for the artifact form.
const ARTIFACT: &str = "-artifact";

/// Why text is no destination.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// `https://registry.example/team`.
    #[error("`{text}`: leave out `{scheme}`; say --plain-http for a registry without TLS")]
    Scheme {
        /// What was given.
        text: String,
        /// Its scheme.
        scheme: &'static str,
    },
    /// `team/gateway`, or a registry alone.
    #[error("`{text}` is not a registry and a path, as in `registry.example:5000/team`")]
    NoRegistry {
        /// What was given.
        text: String,
    },
    /// It has a tag or a digest.
    #[error("`{text}` names one manifest; give a path, and the tag with --tag")]
    Tagged {
        /// What was given.
        text: String,
    },
    /// No name of a repository.
    #[error("`{text}`: {source}; a path is lowercase letters, digits, `.`, `_`, `-` and `/`")]
    Name {
        /// What was given.
        text: String,
        /// What is wrong with it.
        source: ParseError,
    },
}

/// Text that is no tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no tag: letters, digits, `_`, `.` and `-`, the first a letter, a digit or \
     `_`, at most {max} of them",
    max = TAG_MAX - ARTIFACT.len()
)]
pub struct TagError {
    /// What was given.
    pub text: String,
}

/// A tag; that of the artifact form is derived from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(String);

impl Tag {
    /// The tag of the image.
    #[must_use]
    pub fn image(&self) -> &str {
        &self.0
    }

    /// The tag of the artifact form: `0.1.0-artifact`.
    #[must_use]
    pub fn artifact(&self) -> String {
        format!("{}{ARTIFACT}", self.0)
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
        let first = text.bytes().next().is_some_and(word);
        let rest = text.bytes().all(|c| word(c) || c == b'.' || c == b'-');
        if first && rest && text.len() + ARTIFACT.len() <= TAG_MAX {
            Ok(Self(text.to_owned()))
        } else {
            Err(TagError { text: text.to_owned() })
        }
    }
}

/// A registry and a folder in it; each module gets a repository there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    registry: String,
    path: String,
}

impl Destination {
    /// Host, and port if one was given.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// A manifest of the module `name`, by tag.
    pub(crate) fn tagged(&self, name: &str, tag: &str) -> Reference {
        Reference::with_tag(self.registry.clone(), self.repository(name), tag.to_owned())
    }

    /// A manifest of the module `name`, by digest.
    pub(crate) fn pinned(&self, name: &str, digest: &str) -> Reference {
        Reference::with_digest(self.registry.clone(), self.repository(name), digest.to_owned())
    }

    fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        let given = || text.to_owned();
        for scheme in ["https://", "http://", "oci://", "docker://"] {
            if text.starts_with(scheme) {
                return Err(DestinationError::Scheme { text: given(), scheme });
            }
        }
        let no_registry = || DestinationError::NoRegistry { text: given() };
        let (registry, path) = text.split_once('/').ok_or_else(no_registry)?;
        let path = path.trim_end_matches('/');
        // As Docker tells a host from a folder.
        let is_host = registry.contains(['.', ':']) || registry == "localhost";
        if !is_host || path.is_empty() {
            return Err(no_registry());
        }
        if path.contains([':', '@']) {
            return Err(DestinationError::Tagged { text: given() });
        }
        let parsed: Result<Reference, _> = format!("{registry}/{path}").parse();
        parsed.map_err(|source| DestinationError::Name { text: given(), source })?;
        Ok(Self { registry: registry.to_owned(), path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Destination, DestinationError> {
        text.parse()
    }

    #[test]
    fn each_module_has_a_repository_below_the_path() {
        let destination = parse("127.0.0.1:5000/team/gateway/").unwrap();
        assert_eq!(destination.registry(), "127.0.0.1:5000");
        let tagged = destination.tagged("bbr-filter", "1");
        assert_eq!(tagged.whole(), "127.0.0.1:5000/team/gateway/bbr-filter:1");
    }

    #[test]
    fn a_registry_is_never_assumed() {
        for text in ["team/gateway", "gateway", "registry.example", "registry.example/", ""] {
            assert!(matches!(parse(text), Err(DestinationError::NoRegistry { .. })), "{text}");
        }
        assert!(parse("localhost/gateway").is_ok());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let of = |text: &str| parse(text).unwrap_err().to_string();
        assert!(of("https://a.example/b").contains("leave out `https://`"));
        assert!(of("a.example/b:1").contains("--tag"));
        assert!(of("a.example/b@sha256:0").contains("--tag"));
        assert!(of("a.example/Team").contains("lowercase"));
        assert!(of("a.example/b c").contains("invalid reference format"));
    }

    #[test]
    fn a_tag_leaves_room_for_the_artifacts() {
        let tag: Tag = "v0.1.0_a".parse().unwrap();
        assert_eq!(tag.artifact(), "v0.1.0_a-artifact");
        for text in ["", ".a", "-a", "a b", "a/b", "ä", &"a".repeat(120)] {
            assert!(text.parse::<Tag>().is_err(), "{text}");
        }
        assert!("a".repeat(119).parse::<Tag>().is_ok());
    }
}
