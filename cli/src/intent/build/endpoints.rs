//! Where the pools' endpoints are, as far as anything says.

use super::Builder;
use crate::diagnostics::{Doubt, FaultKind, Origin};
use crate::intent::{Address, Endpoints, Pool};
use crate::manifests::Body;
use crate::manifests::kinds::ServiceManifest;
use std::collections::BTreeMap;

impl Builder<'_> {
    pub(super) fn endpoints(&mut self) {
        self.ids();
        let mut used = vec![false; self.settings.endpoints.len()];
        for pool in &mut self.intent.pools {
            let told = self.settings.endpoints.iter().zip(&mut used);
            for ((name, endpoints), used) in told {
                if *name == pool.id || *name == pool.name.to_string() {
                    pool.endpoints = endpoints.clone();
                    *used = true;
                }
            }
        }
        let known: Vec<String> = self.intent.pools.iter().map(|pool| pool.id.clone()).collect();
        for ((pool, _), _) in self.settings.endpoints.iter().zip(used).filter(|(_, used)| !used) {
            let origin = Origin { file: "command line".into(), line: 0 };
            let (pool, known) = (pool.clone(), known.clone());
            self.fault(origin, FaultKind::EndpointsOfUnknownPool { pool, known });
        }
        self.services();
    }

    fn ids(&mut self) {
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for pool in &self.intent.pools {
            *names.entry(pool.name.name.clone()).or_default() += 1;
        }
        for pool in &mut self.intent.pools {
            let shared = names.get(&pool.name.name).is_some_and(|n| *n > 1);
            pool.id = if shared { pool.name.to_string() } else { pool.name.name.clone() };
        }
    }

    /// The DNS name of a Service that has all of a pool's pods.
    fn services(&mut self) {
        let services = self.each(|body| match body {
            Body::Service(service) => Some(service.clone()),
            _ => None,
        });
        let mut used = vec![false; services.len()];
        for pool in &mut self.intent.pools {
            if pool.endpoints != Endpoints::Unknown || pool.selector.is_empty() {
                continue;
            }
            let fits = services.iter().zip(&mut used).filter(|((document, service), _)| {
                document.name.namespace == pool.name.namespace && selects(service, pool)
            });
            // Behind another kind of Service stands one address for all pods.
            let best = fits.max_by_key(|((_, service), _)| service.headless);
            let Some(((document, service), used)) = best else { continue };
            *used = true;
            let host =
                format!("{}.{}.svc.cluster.local", document.name.name, document.name.namespace);
            let ports = ports(service, pool);
            let address = |port| Address { host: host.clone(), port };
            pool.endpoints = Endpoints::Dns(ports.into_iter().map(address).collect());
        }
        for ((document, service), used) in services.into_iter().zip(used) {
            let (namespace, name) = (&document.name.namespace, &document.name.name);
            match (used, service.headless) {
                (true, true) => self.understood(&document, "names a pool's endpoints".to_owned()),
                (true, false) => {
                    let what = Doubt::NotHeadless;
                    self.doubtful(document.origin(), format!("Service {namespace}/{name}"), what);
                }
                (false, _) => self.understood(&document, "of no pool's pods".to_owned()),
            }
        }
    }
}

/// Whether each of the pool's pods is the Service's, too.
fn selects(service: &ServiceManifest, pool: &Pool) -> bool {
    let part = |(key, value): (&String, &String)| pool.selector.get(key) == Some(value);
    !service.selector.is_empty()
        && service.selector.iter().all(part)
        && !ports(service, pool).is_empty()
}

fn ports(service: &ServiceManifest, pool: &Pool) -> Vec<u16> {
    if service.headless {
        return pool.ports.clone();
    }
    let ports = service.ports.iter();
    let ports = ports.filter(|port| port.target.is_some_and(|target| pool.ports.contains(&target)));
    ports.map(|port| port.port).collect()
}
