//! What documents say outright about models: ConfigMaps, policies, and routes by base model.
//!
//! Invariant: an adapter has one base, and is none itself; two documents that say otherwise
//! are a fault.

use super::Builder;
use crate::diagnostics::{FaultKind, Notice, NoticeKind, Origin};
use crate::intent::{BASE_MODEL_HEADER, MODEL_HEADER};
use crate::manifests::Body;
use crate::manifests::kinds::ModelMap;
use std::collections::BTreeMap;

/// What documents say outright.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) bases: BTreeMap<String, Origin>,
    /// From adapter to base.
    pub(super) adapters: BTreeMap<String, (String, Origin)>,
}

impl Builder<'_> {
    /// What ConfigMaps, policies, charts and routes by base model say.
    pub(super) fn claims(&mut self) -> Claims {
        let mut claims = Claims::default();
        let maps = self.each(|body| match body {
            Body::Adapters(map) => Some(map.clone()),
            _ => None,
        });
        for (document, map) in maps {
            let what = format!("{} with {}", map.base, super::count(map.adapters.len(), "adapter"));
            self.understood(&document, what);
            claims.bases.entry(map.base.clone()).or_insert(document.places.at("data.baseModel"));
            for adapter in map.adapters {
                let origin = document.places.at("data.adapters");
                self.claim(&mut claims, adapter, map.base.clone(), origin);
            }
        }
        self.policies(&mut claims);
        for (base, origin) in self.values_of_header(BASE_MODEL_HEADER).into_values().flatten() {
            claims.bases.entry(base).or_insert(origin);
        }
        let both: Vec<String> = claims
            .adapters
            .keys()
            .filter(|name| claims.bases.contains_key(*name))
            .cloned()
            .collect();
        for name in both {
            if let (Some((base, origin)), Some(other)) =
                (claims.adapters.remove(&name), claims.bases.get(&name).cloned())
            {
                self.fault(origin, FaultKind::BaseIsAdapter { name, base, other });
            }
        }
        claims
    }

    fn policies(&mut self, claims: &mut Claims) {
        let policies = self.each(|body| match body {
            Body::AgentgatewayPolicy(policy) => Some(policy.clone()),
            _ => None,
        });
        for (document, policy) in policies {
            let mut names = 0;
            for (index, header) in policy.traffic.transformation.request.set.iter().enumerate() {
                let path = format!("spec.traffic.transformation.request.set.{index}");
                let origin = document.places.at(&path);
                let model = header.name.eq_ignore_ascii_case(MODEL_HEADER);
                let base = header.name.eq_ignore_ascii_case(BASE_MODEL_HEADER);
                match ModelMap::parse(&header.value) {
                    Some(ModelMap::Name) if model => {}
                    Some(ModelMap::Bases(pairs)) if base => {
                        names += pairs.len();
                        for (name, base) in pairs {
                            claims.bases.entry(base.clone()).or_insert_with(|| origin.clone());
                            if name != base {
                                self.claim(claims, name, base, origin.clone());
                            }
                        }
                    }
                    _ => self.notices.push(Notice {
                        origin,
                        kind: NoticeKind::IgnoredField {
                            kind: "AgentgatewayPolicy",
                            name: document.name.to_string(),
                            path,
                        },
                    }),
                }
            }
            self.understood(
                &document,
                format!("body-based routing of {}", super::count(names, "model")),
            );
        }
    }

    fn claim(&mut self, claims: &mut Claims, adapter: String, base: String, origin: Origin) {
        match claims.adapters.get(&adapter) {
            None => {
                claims.adapters.insert(adapter, (base, origin));
            }
            Some((other_base, _)) if *other_base == base => {}
            Some((other_base, other)) => {
                let (other_base, other) = (other_base.clone(), other.clone());
                let kind = FaultKind::AdapterOnTwoBases { adapter, base, other_base, other };
                self.fault(origin, kind);
            }
        }
    }
}
