//! The places in the text that the command writes.

/// A place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// All targets, and whether they are met.
    Targets,
    /// Picks.
    Picks,
    /// Request rates among endpoints.
    Pools,
    /// The cost of refreshing metrics.
    Refresh,
    /// Memory per endpoint.
    Footprint,
    /// Starting VMs.
    Start,
    /// The body scanner.
    Scanner,
    /// Reading bodies in Envoy.
    Gateway,
    /// Responses that stream.
    Streams,
    /// Slow uploads.
    Uploads,
}

/// A marker is missing, or stands at the wrong place.
#[derive(Debug, thiserror::Error)]
#[error("the report has no lines `<!-- {name} begin -->` and, after it, `<!-- {name} end -->`")]
pub struct NoMarker {
    name: &'static str,
}

impl Section {
    /// Those with figures of their own.
    pub const PARTS: [Self; 9] = [
        Self::Picks,
        Self::Pools,
        Self::Refresh,
        Self::Footprint,
        Self::Start,
        Self::Scanner,
        Self::Gateway,
        Self::Streams,
        Self::Uploads,
    ];

    /// Its name in markers, and of its figures' file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Targets => "targets",
            Self::Picks => "picks",
            Self::Pools => "pools",
            Self::Refresh => "refresh",
            Self::Footprint => "footprint",
            Self::Start => "start",
            Self::Scanner => "scanner",
            Self::Gateway => "gateway",
            Self::Streams => "streams",
            Self::Uploads => "uploads",
        }
    }
}

/// Puts `table` between the section's markers in `text`.
///
/// # Errors
/// The markers are not there.
pub fn put(text: &str, section: Section, table: &str) -> Result<String, NoMarker> {
    let name = section.name();
    let (begin, end) = (format!("<!-- {name} begin -->"), format!("<!-- {name} end -->"));
    let missing = NoMarker { name };
    let Some((before, rest)) = text.split_once(&begin) else { return Err(missing) };
    let Some((_, after)) = rest.split_once(&end) else { return Err(missing) };
    Ok(format!("{before}{begin}\n\n{}\n\n{end}{after}", table.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "words\n<!-- scanner begin -->\nold\n<!-- scanner end -->\nmore words\n";

    #[test]
    fn only_what_stands_between_the_markers_is_replaced() {
        let new = put(TEXT, Section::Scanner, "new\n").unwrap();
        let expected = "words\n<!-- scanner begin -->\n\nnew\n\n<!-- scanner end -->\nmore words\n";
        assert_eq!(new, expected);
        assert_eq!(put(&new, Section::Scanner, "new").unwrap(), expected);
    }

    #[test]
    fn a_missing_marker_is_an_error() {
        assert!(put(TEXT, Section::Gateway, "new").is_err());
        assert!(put("<!-- scanner begin -->", Section::Scanner, "new").is_err());
    }
}
