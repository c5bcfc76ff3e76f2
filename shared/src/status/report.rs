//! What VMs tell each other for the status page, through shared data.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::decision::Decision;
use super::minute::Tally;
use crate::models::ModelName;
use crate::pools::{EndpointId, Millis};
use crate::refresh::Failure;
use crate::scheduling::AdapterKey;
use crate::snapshot::Message;

/// There while a picker of the process has a status page; BBR filters of the same `vm_id`
/// then share the other two. One per process and `vm_id`, as those are.
pub const WANTED_KEY: &str = "igw.status.1.wanted";

/// Holds a [`ModelMapping`].
pub const MAPPING_KEY: &str = "igw.status.1.models";

/// Holds [`RequestOutcomes`].
pub const OUTCOMES_KEY: &str = "igw.status.1.outcomes";

/// What one worker has to tell.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct WorkerReport {
    /// When it was written. An old one is of a worker that is gone.
    pub at: Millis,
    /// By pool, in the order of the configuration.
    pub pools: Vec<PoolReport>,
    /// Its latest choices, oldest first.
    pub decisions: Vec<Decision>,
}

/// One worker's part in a pool.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PoolReport {
    /// Endpoints of which there is something to tell, in their order.
    pub endpoints: Vec<EndpointReport>,
    /// Requests since the worker started, by outcome.
    pub outcomes: Vec<(Cow<'static, str>, u64)>,
    /// Endpoints whose last scrape failed; only the VM that scrapes knows.
    pub scrapes: Vec<ScrapeTrouble>,
}

impl PoolReport {
    /// Adds which adapters the worker sent to an endpoint.
    pub fn remember(&mut self, id: EndpointId, adapters: Vec<AdapterKey>) {
        if adapters.is_empty() {
            return;
        }
        match self.endpoints.binary_search_by_key(&id, |endpoint| endpoint.id) {
            Ok(place) => {
                if let Some(endpoint) = self.endpoints.get_mut(place) {
                    endpoint.remembered = adapters;
                }
            }
            Err(place) => {
                let tally = Tally::default();
                self.endpoints.insert(place, EndpointReport { id, tally, remembered: adapters });
            }
        }
    }
}

/// One worker's part at an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointReport {
    /// Which.
    pub id: EndpointId,
    /// The last minute.
    pub tally: Tally,
    /// Adapters the worker sent there lately.
    pub remembered: Vec<AdapterKey>,
}

/// Scrapes of an endpoint that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScrapeTrouble {
    /// Which.
    pub id: EndpointId,
    /// How many in a row.
    pub failures: u32,
    /// Why the last one did.
    pub last: Failure,
}

/// The models that BBR knows, and the base model of each adapter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ModelMapping {
    /// Sorted by name; none for a base model.
    pub models: BTreeMap<ModelName, Option<ModelName>>,
}

/// What became of BBR's requests since Envoy started.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RequestOutcomes {
    /// Requests by the label of their counter.
    pub counts: BTreeMap<Cow<'static, str>, u64>,
}

impl Message for WorkerReport {
    const MAGIC: [u8; 4] = *b"IGWT";
}

impl Message for ModelMapping {
    const MAGIC: [u8; 4] = *b"IGWM";
}

impl Message for RequestOutcomes {
    const MAGIC: [u8; 4] = *b"IGWC";
}
