//! Routes for models that have none: an adapter follows its base model, what a name is
//! rewritten to follows the name, and a model that a pool is known to serve goes there.
//!
//! Invariant: a route that the user wrote is never changed or shadowed: implied routes
//! come last, and only for models that no route takes. Each is noted.

use super::Builder;
use super::routes::DEFAULT_GATEWAY;
use crate::diagnostics::{Assumption, Doubt, Origin};
use crate::intent::{
    BASE_MODEL_HEADER, Backend, Destination, MODEL_HEADER, Match, ObjectName, Parent, Pool, Route,
    Rule, Timeouts, Value, ValueMatch,
};
use crate::manifests::Body;

/// Names of Kubernetes objects are at most this long in labels; routes keep to it.
const LONGEST: usize = 63;

impl Builder<'_> {
    pub(super) fn follow(&mut self) {
        let mut models: Vec<(String, String, Origin)> = Vec::new();
        for base in &self.intent.catalog.bases {
            let names = [&base.name].into_iter().chain(&base.adapters);
            let model = |name: &String| (name.clone(), base.name.clone(), base.origin.clone());
            models.extend(names.map(model));
        }
        let mut implied = Vec::new();
        for (model, base, origin) in models {
            if self.is_taken(&model, &base)
                || implied.iter().any(|r: &Route| takes(r, &model, &base))
            {
                continue;
            }
            implied.extend(self.route_for(&model, &base, origin));
        }
        for mut route in implied {
            let taken =
                |name: &ObjectName, routes: &[Route]| routes.iter().any(|r| r.name == *name);
            let stem = route.name.name.clone();
            let mut number = 1;
            while taken(&route.name, &self.intent.routes) {
                number += 1;
                route.name.name = format!("{stem}-{number}");
            }
            self.intent.routes.push(route);
        }
    }

    /// The pools that requests for a model get to.
    pub(super) fn destinations(&self, model: &str, base: &str) -> Vec<ObjectName> {
        let matches = self.intent.ordered_matches();
        let first = matches.iter().find(|one| one.when.fits(model, base));
        first.map(|one| one.rule.pools().cloned().collect()).unwrap_or_default()
    }

    fn is_taken(&self, model: &str, base: &str) -> bool {
        self.intent.routes.iter().any(|route| takes(route, model, base))
    }

    fn route_for(&mut self, model: &str, base: &str, origin: Origin) -> Option<Route> {
        let subject = format!("model {model:?}");
        // What stands for it, then its base.
        let rewritten = self.intent.catalog.rewrites.iter();
        let rewritten =
            rewritten.filter(|one| one.targets.iter().any(|target| target.model == model));
        let leaders: Vec<String> =
            rewritten.map(|one| one.model.clone()).chain([base.to_owned()]).collect();
        for leader in leaders.iter().filter(|leader| *leader != model) {
            let found = self.intent.routes.iter().find_map(|route| {
                let rule = route.rules.iter().find(|rule| {
                    rule.matches.iter().any(|one| one.exact_header(MODEL_HEADER) == Some(leader))
                })?;
                Some((route.clone(), rule.clone()))
            });
            if let Some((route, rule)) = found {
                let what =
                    Assumption::Follows { leader: leader.clone(), route: route.name.to_string() };
                self.assumed(origin, subject, what);
                return Some(follower(&route, &rule, leader, model));
            }
        }
        let pool = self.serving(model).or_else(|| self.serving(base));
        let pool = match pool {
            Some(pool) => pool,
            None if self.settings.assume => self.stand_in(base, &origin),
            None => {
                self.doubtful(origin, subject, Doubt::Unreachable);
                return None;
            }
        };
        let what = Assumption::GoesToPool { pool: pool.to_string() };
        self.assumed(origin.clone(), subject, what);
        let header = if model == base { BASE_MODEL_HEADER } else { MODEL_HEADER };
        Some(self.to_pool(pool, header, model, origin))
    }

    /// The pool that a Deployment, an InferenceModel or a rewrite says serves the model.
    fn serving(&self, model: &str) -> Option<ObjectName> {
        let rewrite = self
            .intent
            .catalog
            .rewrites
            .iter()
            .find(|one| one.targets.iter().any(|target| target.model == model));
        let named = || {
            self.documents.iter().find_map(|document| match &document.body {
                Body::InferenceModel(one) if one.model_name == model => Some(ObjectName {
                    namespace: document.name.namespace.clone(),
                    name: one.pool_ref.name.clone(),
                }),
                _ => None,
            })
        };
        let deployed = || {
            self.workloads().into_iter().find_map(|(document, workload)| {
                let serves = workload.base_names().contains(&model)
                    || workload.adapters.iter().any(|adapter| adapter == model);
                serves.then(|| self.pools_of(&document, &workload).into_iter().next()).flatten()
            })
        };
        rewrite.map(|one| one.pool.clone()).or_else(named).or_else(deployed)
    }

    /// A pool for a base model that has none.
    fn stand_in(&mut self, base: &str, origin: &Origin) -> ObjectName {
        let namespace = self.documents.first().map(|one| one.name.namespace.clone());
        let namespace = namespace.unwrap_or_else(|| "default".to_owned());
        let name = ObjectName { namespace, name: slug(base) };
        if self.intent.pool(&name).is_none() {
            self.intent.pools.push(Pool::implied(name.clone(), origin.clone()));
        }
        name
    }

    fn to_pool(&self, pool: ObjectName, header: &str, model: &str, origin: Origin) -> Route {
        let parent = |gateway: ObjectName| Parent { gateway, section: None, port: None };
        let mut parents: Vec<Parent> =
            self.intent.gateways.iter().map(|gateway| parent(gateway.name.clone())).collect();
        if parents.is_empty() {
            let namespace = pool.namespace.clone();
            parents.push(parent(ObjectName { namespace, name: DEFAULT_GATEWAY.to_owned() }));
        }
        let rule = Rule {
            matches: vec![Match { headers: vec![exact(header, model)], ..Match::default() }],
            backends: vec![Backend { to: Destination::Pool(pool.clone()), weight: 1 }],
            timeouts: Timeouts::default(),
            origin: origin.clone(),
        };
        Route {
            name: ObjectName { namespace: pool.namespace, name: route_name(model) },
            parents,
            hostnames: Vec::new(),
            rules: vec![rule],
            implied: true,
            origin,
        }
    }
}

/// A route for `model` to where `rule` sends `leader`.
fn follower(route: &Route, rule: &Rule, leader: &str, model: &str) -> Route {
    let led = rule.matches.iter().filter(|one| one.exact_header(MODEL_HEADER) == Some(leader));
    let matches = led.map(|one| {
        let mut one = one.clone();
        one.headers.retain(|header| !header.name.eq_ignore_ascii_case(MODEL_HEADER));
        one.headers.push(exact(MODEL_HEADER, model));
        one.headers.sort();
        one
    });
    let name = ObjectName { namespace: route.name.namespace.clone(), name: route_name(model) };
    let rule = Rule { matches: matches.collect(), ..rule.clone() };
    Route { name, rules: vec![rule], implied: true, ..route.clone() }
}

fn exact(header: &str, value: &str) -> ValueMatch {
    ValueMatch { name: header.to_owned(), value: Value::Exact(value.to_owned()) }
}

fn takes(route: &Route, model: &str, base: &str) -> bool {
    route.rules.iter().flat_map(|rule| &rule.matches).any(|one| one.fits(model, base))
}

fn route_name(model: &str) -> String {
    let mut name = format!("igw-{}", slug(model));
    name.truncate(LONGEST - 4);
    name.trim_end_matches('-').to_owned()
}

/// A model's name as a Kubernetes name: ASCII, so it can be cut anywhere.
fn slug(model: &str) -> String {
    let lower = model.to_ascii_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug = words.collect::<Vec<_>>().join("-");
    slug.truncate(LONGEST);
    if slug.is_empty() { "model".to_owned() } else { slug }
}
