//! The keys of shared data.
//!
//! Envoy shares data between all VMs of one `vm_id`, and Istio leaves that empty,
//! so everything of the process may be in there. All keys start with this
//! filter's name, its data's version and a hash of the configuration: two
//! configurations, side by side while one replaces the other, do not meet.

use shared::hash::fnv1a;

/// Makes keys for one configuration.
#[derive(Debug)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    pub(crate) fn new(configuration: &[u8]) -> Self {
        Self { prefix: format!("igw.picker.1.{:016x}", fnv1a(configuration)) }
    }

    pub(crate) fn lease(&self) -> String {
        format!("{}.lease", self.prefix)
    }

    pub(crate) fn workers(&self) -> String {
        format!("{}.workers", self.prefix)
    }

    pub(crate) fn load(&self, token: u64) -> String {
        format!("{}.load.{token:016x}", self.prefix)
    }

    /// One worker's part of the status page.
    pub(crate) fn status(&self, token: u64) -> String {
        format!("{}.status.{token:016x}", self.prefix)
    }

    /// What one worker sent where.
    pub(crate) fn prompts(&self, token: u64) -> String {
        format!("{}.prompts.{token:016x}", self.prefix)
    }

    pub(crate) fn snapshot(&self, pool: usize) -> String {
        format!("{}.pool.{pool}", self.prefix)
    }

    /// Holds the generation of the snapshot alone: small to read on every tick.
    pub(crate) fn generation(&self, pool: usize) -> String {
        format!("{}.pool.{pool}.generation", self.prefix)
    }
}
