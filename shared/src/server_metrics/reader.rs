//! Reads one scrape of a server's metrics page.

use super::gathered::Gathered;
use super::{MetricNames, ServerMetrics};
use crate::exposition::{Reader, Sample};

/// A scrape in the middle of being read.
#[derive(Debug)]
pub struct MetricsReader<'n> {
    names: &'n MetricNames,
    page: Reader<'n>,
    gathered: Gathered,
    seen: Vec<bool>,
}

/// What a scrape said.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What it said.
    pub metrics: ServerMetrics,
    /// Lines of families looked for that could not be read.
    pub skipped_lines: u32,
    /// How many of the families looked for have at least one line that could be read.
    pub found: usize,
    /// How many engines the server has, by the most series that say the same thing.
    pub engines: usize,
}

impl<'n> MetricsReader<'n> {
    /// A reader at the start of a page.
    #[must_use]
    pub fn new(names: &'n MetricNames) -> Self {
        Self {
            names,
            page: Reader::new(names.wanted()),
            gathered: Gathered::new(names.sources()),
            seen: vec![false; names.families()],
        }
    }

    /// Reads the next bytes of the page, cut anywhere.
    pub fn feed(&mut self, chunk: &[u8]) {
        let Self { names, page, gathered, seen } = self;
        page.feed(chunk, |sample| take(names, gathered, seen, &sample));
    }

    /// Ends the page.
    #[must_use]
    pub fn finish(self) -> Reading {
        let Self { names, page, mut gathered, mut seen } = self;
        let skipped_lines = page.finish(|sample| take(names, &mut gathered, &mut seen, &sample));
        Reading {
            engines: gathered.engines(),
            metrics: gathered.finish(names.sources()),
            skipped_lines,
            found: seen.into_iter().filter(|seen| *seen).count(),
        }
    }
}

fn take(names: &MetricNames, gathered: &mut Gathered, seen: &mut [bool], sample: &Sample<'_>) {
    if let Some(seen) = seen.get_mut(sample.family) {
        *seen = true;
    }
    gathered.add(names.sources(), sample);
}
