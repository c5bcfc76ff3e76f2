//! The models behind the gateway: names, which base model an adapter belongs
//! to, and which names stand for others.
//!
//! Invariant: a name has one meaning. A name that is configured twice is a
//! configuration error, never a silent "last one wins".

mod catalog;
mod learned;
mod name;
mod rewrite;

pub use catalog::{Catalog, Clash, Conflict, Role};
pub use learned::{LEARNED_ADAPTERS_KEY, LearnedAdapters, MAX_LEARNED_ADAPTERS};
pub use name::{InvalidModelName, MAX_MODEL_NAME_BYTES, ModelName};
pub use rewrite::{NoWeight, RewriteTarget, Split};
