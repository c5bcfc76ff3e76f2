//! Choosing an endpoint: filters, weighted scorers, a ranked list.
//!
//! [`Pool`] is one worker's own copy of a pool: what the last snapshot said, and
//! what this worker did since. A pick reads and changes that copy alone; nothing
//! is shared while a request waits, and nothing is allocated in proportion to
//! the pool.
//!
//! Invariant: an endpoint that is not ready is never picked while a ready one
//! is, and one outside of the request's subset is never picked at all.
//!
//! Rejected: a score per scrape, computed in the background. Every request
//! between two scrapes would go to the same endpoint.

mod adapters;
mod endpoint;
mod field;
mod float;
mod load;
mod pick;
mod pool;
mod prefix;
mod profile;
mod reported;
mod row;
mod rows;
mod scorer;
mod scoring;
mod trouble;

#[cfg(test)]
mod tests;

pub use adapters::{AdapterKey, Adapters};
pub use endpoint::{Endpoint, Health, Observation};
pub use load::InFlight;
pub use pick::{Choice, MAX_RANKED, Made, NoEndpoint, Pick, PickRequest, Why};
pub use pool::{Pool, Started, Update};
pub use prefix::{LearnedSpeed, News, Prefill, Prompt};
pub use profile::{Fading, InvalidProfile, Profile, Staleness, Weighted};
pub use reported::Reported;

pub use scorer::Scorer;
pub use trouble::Trouble;
