//! What the VM that scrapes tells the others: one blob per pool in shared data.
//!
//! Invariant: a blob is taken over whole or not at all. Magic, version, length
//! and checksum come first; one written by another version of the filter (two
//! run side by side while a configuration is replaced) is ignored, not misread.
//!
//! Rejected: JSON (ten times the size and time), and a key per endpoint (readers
//! would see half of an update, and each read takes the process-wide lock).

mod codec;
mod content;

pub use codec::{DecodeError, decode, encode};
pub use content::{EndpointSnapshot, Snapshot};
