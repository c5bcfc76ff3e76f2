//! The content of a snapshot.

use serde::{Deserialize, Serialize};

use crate::pools::{EndpointId, Millis};
use crate::scheduling::{Health, Observation};

/// The state of one pool.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// Grows with each publication of one holder; a reader skips what it has.
    pub generation: u64,
    /// When it was published.
    pub published: Millis,
    /// The endpoints.
    pub endpoints: Vec<EndpointSnapshot>,
}

/// The state of one endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointSnapshot {
    /// Which.
    pub id: EndpointId,
    /// Whether it may get requests.
    pub health: Health,
    /// The last scrape that succeeded.
    pub observation: Option<Observation>,
    /// Requests of all workers that are there, as they reported last.
    pub in_flight: u32,
    /// Requests that all workers sent there, ever, as they reported last.
    pub sent: u64,
    /// `sent` at the time of the observation.
    pub sent_when_observed: u64,
}
