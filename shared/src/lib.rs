//! The gateway's core. See `docs/design.md`.
pub mod json;
