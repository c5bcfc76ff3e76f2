//! What the program `igw` is made of: manifests are read, an intent that names no
//! platform is built of them, and a target renders it.
//!
//! Invariant: [`intent::Intent`] is the only thing that a target sees. A target that read
//! manifests itself would understand them in its own way. Rejected: one text template per
//! platform, filled from the manifests; it repeats every check per platform.
//!
//! ```text
//! files -> manifests::read -> intent::build -> render::<target>::render -> files
//!          (typed, lines)     (Intent,         (pure: no file, no clock)
//!                              notices)
//! ```

pub mod admin;
pub mod check;
pub mod commands;
pub mod diagnostics;
pub mod explain;
pub mod intent;
pub mod manifests;
pub mod proxy;
pub mod render;
