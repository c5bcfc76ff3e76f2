//! What the status page shows: each worker's last minute, its latest choices, and how the
//! workers' parts become one picture.
//!
//! [`Recorder`] is one worker's book; on ticks it becomes a [`WorkerReport`] in shared
//! data. Who is asked for the page puts the reports and its own copy of the pools together
//! ([`Parts`]) to what is shown ([`View`]).
//!
//! Invariant: memory is bounded, whatever clients send and however long they do; no text
//! of a request gets in but the names of its model and its objective, cut.
//! Rejected: Envoy's own histograms. A filter cannot read them back, and their interval is
//! not a minute.

mod decision;
mod durations;
mod minute;
mod parts;
mod recorder;
mod report;
mod view;

#[cfg(test)]
mod tests;

pub use decision::{Candidate, Decision, LONGEST_NAME, MOST_DECISIONS};
pub use durations::Durations;
pub use minute::{Minute, Tally};
pub use parts::Parts;
pub use recorder::{Failed, Recorder};
pub use report::{
    EndpointReport, MAPPING_KEY, ModelMapping, OUTCOMES_KEY, PoolReport, RequestOutcomes,
    ScrapeTrouble, WANTED_KEY, WorkerReport,
};
pub use view::{
    AdaptersView, BbrView, CandidateView, DecisionView, EndpointView, LeaseView, MinuteView,
    ModelView, PoolView, ScorePart, View, WorkerView,
};
