//! The content of a snapshot.

use serde::{Deserialize, Serialize};

use crate::pools::{EndpointId, Millis};
use crate::scheduling::{Health, LearnedSpeed, News, Observation, Reported};

/// The state of one pool.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// Grows with each publication of one holder; a reader skips what it has.
    pub generation: u64,
    /// When it was published.
    pub published: Millis,
    /// The endpoints, in the order of their identities.
    pub endpoints: Vec<EndpointSnapshot>,
    /// How fast the workers saw prompts computed, together.
    pub speed: Option<LearnedSpeed>,
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
    /// Those of them that the observation cannot have seen.
    pub fresh: u32,
    /// Requests that it has seen and that are over.
    pub over: u32,
}

/// What one worker has at the endpoints, for the VM that publishes snapshots.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LoadReport {
    /// When it was written. An old one is of a worker that is gone.
    pub at: Millis,
    /// By pool, in the order of the configuration; idle endpoints are left out.
    pub pools: Vec<Vec<EndpointLoad>>,
    /// By pool: what responses said since the last scrape.
    pub reported: Vec<Vec<(EndpointId, Reported)>>,
    /// By pool: how fast this worker saw prompts computed.
    pub speeds: Vec<Option<LearnedSpeed>>,
}

/// One worker's requests at one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointLoad {
    /// Which.
    pub id: EndpointId,
    /// Requests in flight.
    pub in_flight: u32,
    /// Those of them that started after `since`.
    pub fresh: u32,
    /// Requests that were there at `since` and are over.
    pub over: u32,
    /// The observation that the worker knew of when it counted.
    pub since: Option<Millis>,
}

/// What one worker sent where lately, for the indexes of its neighbours.
///
/// A window over a growing list: who read up to a number goes on from there, and who comes
/// late misses what left the window.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PrefixNews {
    /// The number of the first piece.
    pub first: u64,
    /// The pieces: a pool's place, and what was sent there.
    pub pieces: Vec<(u8, News)>,
}

/// The VMs that report loads.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Workers {
    /// Their tokens.
    pub tokens: Vec<u64>,
}
