//! What each pool's servers serve, and how many there are.

use super::Builder;
use crate::intent::{ObjectName, ServerKind, Workload};
use crate::manifests::kinds::WorkloadManifest;
use crate::manifests::{Body, Document};
use std::collections::{BTreeMap, BTreeSet};

/// The label that names the kind of a model server's pods.
const ENGINE_LABEL: &str = "inference.networking.k8s.io/engine-type";

impl WorkloadManifest {
    /// The names of the base model that clients can use.
    pub(super) fn base_names(&self) -> Vec<&str> {
        let own = self.model.as_deref().filter(|_| self.served_names.is_empty());
        own.into_iter().chain(self.served_names.iter().map(String::as_str)).collect()
    }

    fn kind(&self) -> ServerKind {
        let label = self.labels.get(ENGINE_LABEL).map_or("", String::as_str);
        let says =
            |word: &str| label == word || self.images.iter().any(|image| image.contains(word));
        // The simulator of llm-d has vLLM's metrics.
        if says("vllm") || says("llm-d-inference-sim") {
            ServerKind::Vllm
        } else if says("sglang") {
            ServerKind::Sglang
        } else if says("tritonserver") || label == "triton-tensorrt-llm" {
            ServerKind::Triton
        } else if says("trtllm-serve") || says("tensorrt-llm") {
            ServerKind::Trtllm
        } else {
            ServerKind::Auto
        }
    }
}

impl Builder<'_> {
    pub(super) fn workloads(&self) -> Vec<(Document, WorkloadManifest)> {
        self.each(|body| match body {
            Body::Deployment(workload) => Some(workload.clone()),
            _ => None,
        })
    }

    /// The pools whose pods this Deployment makes. An implied pool has no selector; charts
    /// and guides give its Deployment the same name.
    pub(super) fn pools_of(
        &self,
        document: &Document,
        workload: &WorkloadManifest,
    ) -> Vec<ObjectName> {
        let selected = self.intent.pools.iter().filter(|pool| {
            if pool.name.namespace != document.name.namespace {
                return false;
            }
            if pool.selector.is_empty() {
                return pool.name == document.name;
            }
            pool.selector.iter().all(|(key, value)| workload.labels.get(key) == Some(value))
        });
        selected.map(|pool| pool.name.clone()).collect()
    }

    pub(super) fn servers(&mut self) {
        let mut workloads: BTreeMap<ObjectName, Vec<(Document, WorkloadManifest)>> =
            BTreeMap::new();
        for (document, workload) in self.workloads() {
            let pools = self.pools_of(&document, &workload);
            let meaning = match (workload.model.as_deref(), pools.first()) {
                (Some(model), Some(pool)) => {
                    format!(
                        "{} of InferencePool {pool} with {model}",
                        super::count(workload.replicas.into(), "server")
                    )
                }
                (None, Some(pool)) => {
                    format!(
                        "{} of InferencePool {pool}",
                        super::count(workload.replicas.into(), "server")
                    )
                }
                (_, None) => "in no pool".to_owned(),
            };
            self.understood(&document, meaning);
            for pool in pools {
                workloads.entry(pool).or_default().push((document.clone(), workload.clone()));
            }
        }
        let served = self.served();
        for pool in &mut self.intent.pools {
            let own = workloads.remove(&pool.name).unwrap_or_default();
            let servers = &mut pool.servers;
            for (document, workload) in &own {
                let replicas = servers.replicas.unwrap_or(0).saturating_add(workload.replicas);
                servers.replicas = Some(replicas);
                if servers.kind == ServerKind::Auto {
                    servers.kind = workload.kind();
                }
                for base in workload.base_names() {
                    if !servers.bases.iter().any(|known| known == base) {
                        servers.bases.push(base.to_owned());
                    }
                }
                servers.adapters.extend(workload.adapters.iter().cloned());
                servers.workloads.push(Workload {
                    name: document.name.clone(),
                    replicas: workload.replicas,
                    origin: document.origin(),
                });
            }
            for (name, is_base) in served.get(&pool.name).into_iter().flatten() {
                match (*is_base, servers.bases.contains(name)) {
                    (true, false) => servers.bases.push(name.clone()),
                    (false, false) => servers.adapters.push(name.clone()),
                    (_, true) => {}
                }
            }
            servers.adapters.sort();
            servers.adapters.dedup();
        }
    }

    /// Each pool's models as the routes have it: the name, and whether it is a base model.
    fn served(&self) -> BTreeMap<ObjectName, BTreeSet<(String, bool)>> {
        let mut served: BTreeMap<ObjectName, BTreeSet<(String, bool)>> = BTreeMap::new();
        for base in &self.intent.catalog.bases {
            let names = base.adapters.iter().map(|name| (name, false));
            for (name, is_base) in names.chain([(&base.name, true)]) {
                for pool in self.destinations(name, &base.name) {
                    served.entry(pool).or_default().insert((name.clone(), is_base));
                }
            }
        }
        served
    }
}
