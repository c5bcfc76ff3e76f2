//! Which paths' bodies are read.

/// A path, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathPattern {
    /// This path only.
    Exact(Vec<u8>),
    /// Every path that starts so; written `/v1/*`.
    Prefix(Vec<u8>),
    /// Every path that ends so; written `*/chat/completions`.
    Suffix(Vec<u8>),
}

/// Why a text is not a [`PathPattern`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPathPattern {
    /// It does not start with `/` or `*`.
    #[error("must start with \"/\" or \"*\"")]
    Relative,
    /// There is a `*` in its middle, or more than one.
    #[error("may have one \"*\", at its start or its end")]
    InnerStar,
    /// It names a query.
    #[error("must not have a query (\"?\")")]
    Query,
}

impl PathPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// See [`InvalidPathPattern`].
    pub fn parse(pattern: &str) -> Result<Self, InvalidPathPattern> {
        if !pattern.starts_with(['/', '*']) {
            return Err(InvalidPathPattern::Relative);
        }
        if pattern.contains('?') {
            return Err(InvalidPathPattern::Query);
        }
        let (parsed, fixed) = if let Some(suffix) = pattern.strip_prefix('*') {
            (Self::Suffix(suffix.into()), suffix)
        } else if let Some(prefix) = pattern.strip_suffix('*') {
            (Self::Prefix(prefix.into()), prefix)
        } else {
            (Self::Exact(pattern.into()), pattern)
        };
        if fixed.contains('*') { Err(InvalidPathPattern::InnerStar) } else { Ok(parsed) }
    }

    /// Whether the pattern covers a path without its query.
    #[must_use]
    pub fn covers(&self, path: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => path == exact,
            Self::Prefix(prefix) => path.starts_with(prefix),
            Self::Suffix(suffix) => path.ends_with(suffix),
        }
    }
}

/// The path without its query and fragment.
pub(super) fn without_query(path: &[u8]) -> &[u8] {
    path.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn covers(pattern: &str, path: &str) -> bool {
        PathPattern::parse(pattern).expect(pattern).covers(path.as_bytes())
    }

    #[test]
    fn a_star_stands_for_any_start_or_end() {
        assert!(covers("/v1/*", "/v1/chat/completions"));
        assert!(!covers("/v1/*", "/v1"));
        assert!(covers("*/chat/completions", "/team-a/v1/chat/completions"));
        assert!(covers("/score", "/score"));
        assert!(!covers("/score", "/scores"));
        assert!(covers("*", "/anything"));
    }

    #[test]
    fn patterns_that_would_never_match_are_refused() {
        assert_eq!(PathPattern::parse("v1/*"), Err(InvalidPathPattern::Relative));
        assert_eq!(PathPattern::parse("/v1/*/x"), Err(InvalidPathPattern::InnerStar));
        assert_eq!(PathPattern::parse("*/v1/*"), Err(InvalidPathPattern::InnerStar));
        assert_eq!(PathPattern::parse("/v1?x"), Err(InvalidPathPattern::Query));
    }

    #[test]
    fn queries_do_not_belong_to_the_path() {
        assert_eq!(without_query(b"/v1/models?limit=1"), b"/v1/models");
        assert_eq!(without_query(b""), b"");
    }
}
