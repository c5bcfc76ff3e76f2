//! The clusters that Envoy Gateway makes of routes: one for each rule, by its place.
//!
//! Invariant: a cluster is bound to a pool only if all its endpoints are that pool's. Where a
//! rule shares requests out among several backends, Envoy Gateway puts all their endpoints
//! into one cluster and weighs them; a pick would undo the weights.

use std::collections::BTreeMap;

use crate::diagnostics::{Doubt, Notice, NoticeKind};
use crate::intent::{Backend, Destination, Intent, ObjectName, Pool, Route, Rule};
use crate::render::plugin::Binding;

use super::ADMIN_CLUSTER;

/// The clusters of each pool, in the order of the routes.
pub(super) struct Clusters(BTreeMap<ObjectName, Vec<String>>);

impl Clusters {
    pub(super) fn of(intent: &Intent) -> Self {
        let mut clusters: BTreeMap<ObjectName, Vec<String>> = BTreeMap::new();
        for (route, place, rule) in rules(intent) {
            if let Backends::OnePool(pool) = Backends::of(rule) {
                clusters.entry(pool.clone()).or_default().push(name(route, place));
            }
        }
        Self(clusters)
    }

    /// How Envoy knows the pool; none if no rule leads to it alone.
    pub(super) fn binding(&self, pool: &Pool) -> Option<Binding> {
        let (cluster, others) = self.0.get(&pool.name)?.split_first()?;
        let (cluster, other_clusters) = (cluster.clone(), others.to_vec());
        Some(Binding { cluster, other_clusters, admin: ADMIN_CLUSTER.to_owned() })
    }
}

/// Says which rules are not picked for.
pub(super) fn shared_out(intent: &Intent) -> Vec<Notice> {
    let several = rules(intent)
        .filter(|(_, _, rule)| matches!(Backends::of(rule), Backends::SeveralWithPools));
    let notice = |(route, place, rule): (&Route, usize, &Rule)| Notice {
        origin: rule.origin.clone(),
        kind: NoticeKind::Doubtful {
            subject: format!("HTTPRoute {}", route.name),
            doubt: Doubt::NotPicked { rule: place },
        },
    };
    several.map(notice).collect()
}

/// All rules with their routes and their places there.
fn rules(intent: &Intent) -> impl Iterator<Item = (&Route, usize, &Rule)> {
    intent.routes.iter().flat_map(|route| {
        route.rules.iter().enumerate().map(move |(place, rule)| (route, place, rule))
    })
}

fn name(route: &Route, place: usize) -> String {
    format!("httproute/{}/{}/rule/{place}", route.name.namespace, route.name.name)
}

/// Where a rule leads.
enum Backends<'a> {
    OnePool(&'a ObjectName),
    SeveralWithPools,
    ServicesOnly,
}

impl<'a> Backends<'a> {
    fn of(rule: &'a Rule) -> Self {
        let pool = |backend: &'a Backend| match &backend.to {
            Destination::Pool(name) => Some(name),
            Destination::Service { .. } => None,
        };
        let used: Vec<_> = rule.backends.iter().filter(|one| one.weight > 0).map(pool).collect();
        match used.as_slice() {
            [Some(pool)] => Self::OnePool(pool),
            several if several.iter().any(Option::is_some) => Self::SeveralWithPools,
            _ => Self::ServicesOnly,
        }
    }
}
