//! Which models there are.
//!
//! Invariant: a name is a base model's or an adapter's, not both, and an adapter has one
//! base. A rewrite's targets have weights with a sum above 0.

use super::{ObjectName, Origin};

/// The models the gateway knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The base models, by name.
    pub bases: Vec<BaseModel>,
    /// Names that stand for other models, by name.
    pub rewrites: Vec<Rewrite>,
}

/// A base model and its adapters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseModel {
    /// Its name.
    pub name: String,
    /// The names of its adapters, sorted.
    pub adapters: Vec<String>,
    /// Where it is named.
    pub origin: Origin,
}

/// A name and the models it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// The name that clients ask for.
    pub model: String,
    /// The models that are asked instead; one at least.
    pub targets: Vec<Target>,
    /// The pool whose requests are meant; the filter rewrites before the pool is known.
    pub pool: ObjectName,
    /// Where it is defined.
    pub origin: Origin,
}

/// A model and its share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The model's name.
    pub model: String,
    /// Its share, 0 to 1,000,000, relative to the sum of the weights.
    pub weight: u32,
}

impl Catalog {
    /// The base of this model: itself if it is a base model.
    #[must_use]
    pub fn base_of(&self, model: &str) -> Option<&str> {
        let base = self.bases.iter().find(|base| {
            base.name == model || base.adapters.iter().any(|adapter| adapter == model)
        });
        base.map(|base| base.name.as_str())
    }
}
