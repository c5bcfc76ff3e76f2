//! Which series of a page mean what: a preset, and metrics of one's own.
//!
//! Invariant: what is looked for is worked out once, here; a scrape only walks
//! through it.

use super::kind::{Preset, ServerKind};
use super::selector::Selector;
use crate::exposition::{FamilyName, Wanted};

/// What a metric of one's own says, and so which metrics of the preset it replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Its value is the number of waiting requests.
    Waiting,
    /// Its value is the number of running requests.
    Running,
    /// Its value is the used part of the KV cache, 0 to 1.
    KvUsage,
    /// Its value is the number of tokens in a block.
    BlockSize,
    /// Its value is the number of blocks.
    Blocks,
    /// Its labels `block_size` and `num_gpu_blocks`, or `page_size` and `num_pages`, are
    /// these two numbers, whatever its value is.
    CacheInfo,
    /// Its labels are those of `vllm:lora_requests_info`, its value is when they held.
    LoraRequests,
    /// Its labels are those of `vllm:lora_adapter_loaded`; its value is above 0.
    LoraLoaded,
}

/// A number among [`ServerMetrics`](super::ServerMetrics).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Waiting,
    Running,
    KvUsage,
    BlockSize,
    Blocks,
}

/// What of a sample is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// The value.
    Value(Field),
    /// A number in this label.
    Label(&'static str, Field),
    LoraRequests,
    LoraLoaded,
}

/// Series that are looked for.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// Position among the wanted families.
    pub(super) family: usize,
    pub(super) selector: Selector,
    pub(super) reads: Reads,
}

/// What to look for on a server's page.
#[derive(Debug, Clone)]
pub struct MetricNames {
    sources: Vec<Source>,
    wanted: Wanted,
}

impl MetricNames {
    /// The metrics of a kind of server.
    #[must_use]
    pub fn new(kind: ServerKind) -> Self {
        Self::of(kind.presets().map(|preset| (selector(preset), preset.reads)).collect())
    }

    /// Looks for this metric instead of those of the preset.
    #[must_use]
    pub fn with(self, metric: Metric, selector: Selector) -> Self {
        let replacing = metric.reads();
        let kept = self.sources.into_iter().map(|source| (source.selector, source.reads));
        let mut sources: Vec<_> = kept
            .filter(|(_, reads)| !replacing.iter().any(|new| new.target() == reads.target()))
            .collect();
        sources.extend(replacing.iter().map(|reads| (selector.clone(), *reads)));
        Self::of(sources)
    }

    /// How many families are looked for.
    #[must_use]
    pub fn families(&self) -> usize {
        self.wanted.names().len()
    }

    pub(super) fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Where several mean the same, the first that a page has counts.
    pub(super) fn sources(&self) -> &[Source] {
        &self.sources
    }

    fn of(series: Vec<(Selector, Reads)>) -> Self {
        let mut families: Vec<FamilyName> = Vec::new();
        let mut sources = Vec::with_capacity(series.len());
        for (selector, reads) in series {
            let known = families.iter().position(|family| *family == selector.family);
            let family = known.unwrap_or_else(|| {
                families.push(selector.family.clone());
                families.len().saturating_sub(1)
            });
            sources.push(Source { family, selector, reads });
        }
        Self { sources, wanted: Wanted::new(families) }
    }
}

impl Default for MetricNames {
    fn default() -> Self {
        Self::new(ServerKind::default())
    }
}

impl Metric {
    fn reads(self) -> &'static [Reads] {
        match self {
            Self::Waiting => &[Reads::Value(Field::Waiting)],
            Self::Running => &[Reads::Value(Field::Running)],
            Self::KvUsage => &[Reads::Value(Field::KvUsage)],
            Self::BlockSize => &[Reads::Value(Field::BlockSize)],
            Self::Blocks => &[Reads::Value(Field::Blocks)],
            Self::CacheInfo => &[
                Reads::Label("block_size", Field::BlockSize),
                Reads::Label("num_gpu_blocks", Field::Blocks),
                Reads::Label("page_size", Field::BlockSize),
                Reads::Label("num_pages", Field::Blocks),
            ],
            Self::LoraRequests => &[Reads::LoraRequests],
            Self::LoraLoaded => &[Reads::LoraLoaded],
        }
    }
}

/// What a sample tells about.
#[derive(PartialEq)]
enum Target {
    Number(Field),
    LoraRequests,
    LoraLoaded,
}

impl Reads {
    fn target(self) -> Target {
        match self {
            Self::Value(field) | Self::Label(_, field) => Target::Number(field),
            Self::LoraRequests => Target::LoraRequests,
            Self::LoraLoaded => Target::LoraLoaded,
        }
    }
}

fn selector(preset: &Preset) -> Selector {
    let labels = preset.label.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Selector { family: FamilyName::known(preset.family), labels: labels.collect() }
}
