//! What the VMs of a process tell each other through shared data: the one that
//! scrapes publishes a [`Snapshot`] per pool, the others report their loads.
//!
//! Invariant: a blob is taken over whole or not at all. Magic, version, length
//! and checksum come first; one written by another version of the filter (two
//! run side by side while a configuration is replaced) is ignored, not misread.
//!
//! Rejected: JSON (ten times the size and time), and a key per endpoint (readers
//! would see half of an update, and each read takes the process-wide lock).

mod codec;
mod content;

pub use codec::{DecodeError, Message, decode, encode};
pub use content::{EndpointLoad, EndpointSnapshot, LoadReport, PrefixNews, Snapshot, Workers};
