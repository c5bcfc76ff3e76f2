//! What the user's manifests mean together, without a word about any platform.
//!
//! Invariant: an [`Intent`] is right: every backend that is a pool is in `pools`, every
//! name stands once, an adapter has one base, weights have a sum above 0. Its order is
//! canonical: it does not depend on the order of the documents. Rejected: the Kubernetes
//! types themselves as the model; they cannot say that a pool exists.

mod build;
mod catalog;
mod gateway;
mod name;
mod pool;
mod precedence;
mod priority;
mod route;

pub use crate::diagnostics::Origin;
pub use build::{Settings, build};
pub use catalog::{BaseModel, Catalog, Rewrite, Target};
pub use gateway::{Gateway, Listener, Protocol};
pub use name::ObjectName;
pub use pool::{
    Address, AppProtocol, Endpoints, FailureMode, ModelServers, Pool, ServerKind, Workload,
};
pub use precedence::OrderedMatch;
pub use priority::{Criticality, ModelPriority, Objective};
pub use route::{BASE_MODEL_HEADER, MODEL_HEADER, ValueMatch};
pub use route::{Backend, Destination, Match, Parent, PathMatch, Route, Rule, Timeouts, Value};

use std::collections::BTreeSet;

/// Everything the manifests ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intent {
    /// The gateways, by name.
    pub gateways: Vec<Gateway>,
    /// The HTTPRoutes, by name. [`Intent::ordered_matches`] has them flat and in the order
    /// in which they are tried.
    pub routes: Vec<Route>,
    /// The pools, by name: every pool that a route leads to, and those no route leads to.
    pub pools: Vec<Pool>,
    /// Base models and their adapters; names that stand for other models.
    pub catalog: Catalog,
    /// InferenceObjectives, by name.
    pub objectives: Vec<Objective>,
    /// Priorities of models (from InferenceModels), by model.
    pub model_priorities: Vec<ModelPriority>,
}

impl Intent {
    /// The ports of the HTTP listeners of all gateways.
    #[must_use]
    pub fn http_ports(&self) -> BTreeSet<u16> {
        let listeners = self.gateways.iter().flat_map(|gateway| &gateway.listeners);
        let http = listeners.filter(|listener| listener.protocol == Protocol::Http);
        http.map(|listener| listener.port).collect()
    }

    /// The pool of this name.
    #[must_use]
    pub fn pool(&self, name: &ObjectName) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.name == *name)
    }
}
