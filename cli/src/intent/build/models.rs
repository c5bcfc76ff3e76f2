//! Which models there are: base models and their adapters.
//!
//! Invariant: what ConfigMaps and policies say of an adapter's base is law; two that differ
//! are a fault. A Deployment's arguments are evidence, used where the law is silent. A name
//! that only routes or InferenceModels know is an adapter if its pool has exactly one base
//! model, else a base model of its own.

use super::Builder;
use super::claims::Claims;
use crate::diagnostics::{Assumption, Doubt, Origin};
use crate::intent::{BASE_MODEL_HEADER, BaseModel, Destination, MODEL_HEADER, ObjectName, Rule};
use crate::manifests::Body;
use std::collections::{BTreeMap, BTreeSet};

/// Names by pool, each with where it is named first.
type Named = BTreeMap<ObjectName, BTreeMap<String, Origin>>;

impl Builder<'_> {
    /// Fills the catalog.
    pub(super) fn models(&mut self, claims: &Claims) {
        let mut bases = claims.bases.clone();
        let mut adapters: BTreeMap<String, String> =
            claims.adapters.iter().map(|(name, (base, _))| (name.clone(), base.clone())).collect();
        let mut bases_of_pool: BTreeMap<ObjectName, BTreeSet<String>> = BTreeMap::new();
        for (pool, names) in self.values_of_header(BASE_MODEL_HEADER) {
            bases_of_pool.entry(pool).or_default().extend(names.into_keys());
        }
        for (document, workload) in self.workloads() {
            let own = workload.base_names();
            let Some(first) = own.first() else { continue };
            for base in own.iter().filter(|base| !adapters.contains_key(**base)) {
                bases.entry((*base).to_owned()).or_insert_with(|| document.origin());
            }
            for adapter in &workload.adapters {
                let base = adapters.entry(adapter.clone()).or_insert_with(|| (*first).to_owned());
                if !own.contains(&base.as_str()) {
                    let what = Doubt::OtherBase { served: (*first).to_owned(), base: base.clone() };
                    self.doubtful(document.origin(), format!("adapter {adapter:?}"), what);
                }
            }
            for pool in self.pools_of(&document, &workload) {
                bases_of_pool
                    .entry(pool)
                    .or_default()
                    .extend(own.iter().map(|&name| name.to_owned()));
            }
        }
        let named = self.named();
        for (pool, names) in &named {
            let known = names.keys().filter(|name| bases.contains_key(*name)).cloned();
            bases_of_pool.entry(pool.clone()).or_default().extend(known);
        }
        for (pool, names) in named {
            let of_pool = bases_of_pool.get(&pool).cloned().unwrap_or_default();
            for (name, origin) in names {
                if bases.contains_key(&name) || adapters.contains_key(&name) {
                    continue;
                }
                let subject = format!("model {name:?}");
                match of_pool.first().filter(|_| of_pool.len() == 1) {
                    Some(base) => {
                        let what =
                            Assumption::Adapter { base: base.clone(), pool: pool.to_string() };
                        self.assumed(origin, subject, what);
                        adapters.insert(name, base.clone());
                    }
                    None => {
                        let what = Assumption::BaseModel;
                        self.assumed(origin.clone(), subject, what);
                        bases.insert(name, origin);
                    }
                }
            }
        }
        let base = |(name, origin): (String, Origin)| {
            let own = adapters.iter().filter(|(_, base)| **base == name);
            let own = own.map(|(adapter, _)| adapter.clone()).collect();
            BaseModel { adapters: own, name, origin }
        };
        self.intent.catalog.bases = bases.into_iter().map(base).collect();
    }

    /// The models that routes by name and InferenceModels lead to, by pool. Names that are
    /// rewritten are not among them, but what they become is.
    fn named(&self) -> Named {
        let mut named = self.values_of_header(MODEL_HEADER);
        let models = self.each(|body| match body {
            Body::InferenceModel(model) => Some(model.clone()),
            _ => None,
        });
        for (document, model) in models {
            let namespace = document.name.namespace.clone();
            let pool = ObjectName { namespace, name: model.pool_ref.name };
            let origin = document.places.at("spec.modelName");
            named.entry(pool).or_default().entry(model.model_name).or_insert(origin);
        }
        for rewrite in &self.intent.catalog.rewrites {
            for names in named.values_mut() {
                names.remove(&rewrite.model);
            }
        }
        for rewrite in &self.intent.catalog.rewrites {
            let names = named.entry(rewrite.pool.clone()).or_default();
            for target in &rewrite.targets {
                names.entry(target.model.clone()).or_insert_with(|| rewrite.origin.clone());
            }
        }
        named
    }

    /// The values that routes ask of a header, by the pools they lead to.
    pub(super) fn values_of_header(&self, header: &str) -> Named {
        let mut named = Named::new();
        for rule in self.intent.routes.iter().flat_map(|route| &route.rules) {
            for value in rule.matches.iter().filter_map(|one| one.exact_header(header)) {
                for pool in rule.pools() {
                    let names = named.entry(pool.clone()).or_default();
                    names.entry(value.to_owned()).or_insert_with(|| rule.origin.clone());
                }
            }
        }
        named
    }
}

impl Rule {
    /// The pools that get requests.
    pub(super) fn pools(&self) -> impl Iterator<Item = &ObjectName> {
        self.backends.iter().filter(|backend| backend.weight > 0).filter_map(|backend| {
            match &backend.to {
                Destination::Pool(pool) => Some(pool),
                Destination::Service { .. } => None,
            }
        })
    }
}
