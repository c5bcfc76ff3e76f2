//! The LoRA adapters a server names, in bounded lists.
//!
//! Invariant: a list has at most [`MAX_LISTED_ADAPTERS`] names, sorted, none twice,
//! each one a model can have. A server cannot make the gateway remember more.

use std::collections::{BTreeMap, BTreeSet};

use crate::models::ModelName;

/// The most adapters of one list that are kept, the first of the page. vLLM runs at
/// most `max_loras` at once, a handful; those waiting are not bounded by anything.
pub const MAX_LISTED_ADAPTERS: usize = 256;

/// What a server says of its LoRA adapters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AdapterMetrics {
    /// Adapters that can run at once.
    pub max: Option<u32>,
    /// Adapters with running requests, sorted by name.
    pub running: Vec<ModelName>,
    /// Adapters with waiting requests, sorted by name.
    pub waiting: Vec<ModelName>,
    /// Adapters in its memory, sorted by name. Empty also if it does not say.
    pub loaded: Vec<LoadedAdapter>,
}

/// An adapter in a server's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedAdapter {
    /// Its name.
    pub name: ModelName,
    /// Where it is; of several places the fastest.
    pub level: AdapterLevel,
}

/// Where an adapter's weights are; the greater the sooner it can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdapterLevel {
    /// In main memory.
    Cpu,
    /// On the GPU.
    Gpu,
}

impl AdapterLevel {
    fn parse(level: &str) -> Option<Self> {
        match level {
            "gpu" => Some(Self::Gpu),
            "cpu" => Some(Self::Cpu),
            _ => None,
        }
    }
}

/// The names in a comma-separated list. Those that no model can have are left out.
pub(super) fn names(list: &str) -> Vec<ModelName> {
    let mut names = BTreeSet::new();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if names.len() >= MAX_LISTED_ADAPTERS {
            break;
        }
        names.extend(ModelName::try_from(name.to_owned()));
    }
    names.into_iter().collect()
}

/// Collects the adapters in a server's memory, one series at a time.
#[derive(Debug, Default)]
pub(super) struct Loaded(BTreeMap<ModelName, AdapterLevel>);

impl Loaded {
    /// Adds an adapter; one with an unusable name or an unknown level is left out.
    pub(super) fn add(&mut self, name: &str, level: &str) {
        let Some(level) = AdapterLevel::parse(level) else { return };
        if let Some(known) = self.0.get_mut(name) {
            *known = level.max(*known);
        } else if self.0.len() < MAX_LISTED_ADAPTERS {
            let name = ModelName::try_from(name.to_owned());
            self.0.extend(name.map(|name| (name, level)));
        }
    }

    pub(super) fn finish(self) -> Vec<LoadedAdapter> {
        self.0.into_iter().map(|(name, level)| LoadedAdapter { name, level }).collect()
    }
}
