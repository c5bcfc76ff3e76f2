//! HTTPRoutes: from documents, and those that the chart `inferencepool` makes.

use super::{Builder, duration};
use crate::diagnostics::{Doubt, FaultKind};
use crate::intent::{
    BASE_MODEL_HEADER, Backend, Destination, Match, ObjectName, Parent, Route, Rule, Timeouts,
    Value, ValueMatch,
};
use crate::manifests::kinds::{
    BackendManifest, HttpRouteManifest, HttpRouteValues, ParentManifest, RuleManifest,
};
use crate::manifests::{Body, Document};
use std::collections::BTreeSet;
use std::time::Duration;

/// The gateway of the charts and guides.
pub(super) const DEFAULT_GATEWAY: &str = "inference-gateway";
/// What the chart gives its route.
const CHART_TIMEOUT: Duration = Duration::from_secs(300);

/// What Gateway API allows in one HTTPRoute.
const MOST_RULES: usize = 16;
const MOST_MATCHES_PER_RULE: usize = 64;
const MOST_MATCHES: usize = 128;

impl Builder<'_> {
    pub(super) fn routes(&mut self) {
        let manifests = self.each(|body| match body {
            Body::HttpRoute(route) => Some(route.clone()),
            _ => None,
        });
        for (document, manifest) in manifests {
            self.sizes(&document, &manifest);
            let route = self.route(&document, &manifest);
            self.add_route(route);
        }
        let charts = self.each(|body| match body {
            Body::PoolValues(values) => Some((
                values.experimental_http_route.clone(),
                values.inference_gateway.name.clone(),
            )),
            _ => None,
        });
        for (document, (route, gateway)) in charts {
            if route.enabled {
                let route = chart_route(&document, route, gateway);
                self.add_route(route);
            }
        }
    }

    /// Routes of one name become one with the rules of all.
    fn add_route(&mut self, route: Route) {
        let Some(known) = self.intent.routes.iter_mut().find(|known| known.name == route.name)
        else {
            return self.intent.routes.push(route);
        };
        if (&known.parents, &known.hostnames) == (&route.parents, &route.hostnames) {
            known.rules.extend(route.rules);
            return;
        }
        let (name, other) = (route.name.to_string(), known.origin.clone());
        self.fault(route.origin, FaultKind::Conflict { kind: "HTTPRoute", name, other });
    }

    fn sizes(&mut self, document: &Document, manifest: &HttpRouteManifest) {
        let all: usize = manifest.rules.iter().map(|rule| rule.matches.len()).sum();
        let rule = manifest.rules.iter().map(|rule| rule.matches.len()).max().unwrap_or(0);
        let checks = [
            ("rules", manifest.rules.len(), MOST_RULES),
            ("matches in one rule", rule, MOST_MATCHES_PER_RULE),
            ("matches", all, MOST_MATCHES),
        ];
        for (what, count, most) in checks.into_iter().filter(|(_, count, most)| count > most) {
            let route = document.name.to_string();
            let kind = FaultKind::TooMany { route, what, count, most };
            self.fault(document.places.at("spec.rules"), kind);
        }
    }

    fn route(&mut self, document: &Document, manifest: &HttpRouteManifest) -> Route {
        let mut parents = Vec::new();
        for (index, parent) in manifest.parent_refs.iter().enumerate() {
            if parent.kind.as_deref().unwrap_or("Gateway") == "Gateway" {
                parents.push(self::parent(document, parent));
            } else {
                let path = format!("spec.parentRefs.{index}.kind");
                let kind = parent.kind.clone().unwrap_or_default();
                self.wrong(document, &path, kind, "Gateway");
            }
        }
        parents.sort();
        let mut rules = Vec::new();
        for (index, rule) in manifest.rules.iter().enumerate() {
            let path = format!("spec.rules.{index}");
            rules.extend(self.rule(document, rule, &path));
        }
        let matches: usize = rules.iter().map(|rule| rule.matches.len()).sum();
        let s = if matches == 1 { "" } else { "es" };
        let to: BTreeSet<String> =
            rules.iter().flat_map(|rule| &rule.backends).map(name_of).collect();
        let to: Vec<String> = to.into_iter().collect();
        self.understood(document, format!("{matches} match{s}, to {}", to.join(", ")));
        let mut hostnames = manifest.hostnames.clone();
        hostnames.sort();
        let (name, origin) = (document.name.clone(), document.origin());
        Route { name, parents, hostnames, rules, implied: false, origin }
    }

    fn rule(&mut self, document: &Document, rule: &RuleManifest, path: &str) -> Option<Rule> {
        let mut backends = Vec::new();
        for (index, backend) in rule.backend_refs.iter().enumerate() {
            let path = format!("{path}.backendRefs.{index}");
            backends.extend(self.backend(document, backend, &path));
        }
        if rule.backend_refs.is_empty() {
            let subject = format!("HTTPRoute {}", document.name);
            let what = Doubt::NoBackends;
            self.doubtful(document.places.at(path), subject, what);
            return None;
        }
        if backends.iter().all(|backend| backend.weight == 0) && !backends.is_empty() {
            let of = format!("HTTPRoute {}: {path}.backendRefs", document.name);
            self.fault(document.places.at(path), FaultKind::NoWeight { of });
        }
        let mut matches = Vec::new();
        for (index, one) in rule.matches.iter().enumerate() {
            matches.push(self.one_match(document, one, &format!("{path}.matches.{index}")));
        }
        if matches.is_empty() {
            matches.push(Match::default());
        }
        let mut timeout = |field: &str, text: &Option<String>| {
            let text = text.as_deref()?;
            let duration = duration::parse(text);
            if duration.is_none() {
                self.wrong(document, &format!("{path}.timeouts.{field}"), text, duration::EXPECTED);
            }
            duration
        };
        let timeouts = Timeouts {
            request: timeout("request", &rule.timeouts.request),
            backend_request: timeout("backendRequest", &rule.timeouts.backend_request),
        };
        Some(Rule { matches, backends, timeouts, origin: document.places.at(path) })
    }

    fn backend(
        &mut self,
        document: &Document,
        backend: &BackendManifest,
        path: &str,
    ) -> Option<Backend> {
        let namespace = backend.namespace.clone();
        let name = ObjectName {
            namespace: namespace.unwrap_or_else(|| document.name.namespace.clone()),
            name: backend.name.clone(),
        };
        let weight = backend.weight.unwrap_or(1);
        let to = match (backend.kind.as_deref().unwrap_or("Service"), backend.port) {
            ("InferencePool", _) => {
                let referrer = format!("HTTPRoute {}", document.name);
                self.refer(&name, &referrer, &document.places.at(path));
                Destination::Pool(name)
            }
            ("Service", Some(port)) if port > 0 => Destination::Service { name, port },
            ("Service", _) => {
                self.wrong(
                    document,
                    &format!("{path}.port"),
                    "",
                    "a Service's port from 1 to 65535",
                );
                return None;
            }
            (other, _) => {
                self.wrong(document, &format!("{path}.kind"), other, "InferencePool or Service");
                return None;
            }
        };
        Some(Backend { to, weight })
    }
}

fn name_of(backend: &Backend) -> String {
    match &backend.to {
        Destination::Pool(name) => name.name.clone(),
        Destination::Service { name, port } => format!("Service {}:{port}", name.name),
    }
}

fn parent(document: &Document, parent: &ParentManifest) -> Parent {
    let namespace = parent.namespace.clone();
    let namespace = namespace.unwrap_or_else(|| document.name.namespace.clone());
    Parent {
        gateway: ObjectName { namespace, name: parent.name.clone() },
        section: parent.section_name.clone(),
        port: parent.port,
    }
}

/// The route the chart makes for its pool.
fn chart_route(document: &Document, values: HttpRouteValues, gateway: Option<String>) -> Route {
    let gateway = values.inference_gateway_name.or(gateway);
    let gateway = ObjectName {
        namespace: document.name.namespace.clone(),
        name: gateway.unwrap_or_else(|| DEFAULT_GATEWAY.to_owned()),
    };
    let base = values.base_model.filter(|base| !base.is_empty());
    let header = base
        .map(|base| ValueMatch { name: BASE_MODEL_HEADER.to_owned(), value: Value::Exact(base) });
    let origin = document.places.at("experimentalHttpRoute");
    let rule = Rule {
        matches: vec![Match { headers: header.into_iter().collect(), ..Match::default() }],
        backends: vec![Backend { to: Destination::Pool(document.name.clone()), weight: 1 }],
        timeouts: Timeouts { request: Some(CHART_TIMEOUT), backend_request: None },
        origin: origin.clone(),
    };
    Route {
        name: document.name.clone(),
        parents: vec![Parent { gateway, section: None, port: None }],
        hostnames: Vec::new(),
        rules: vec![rule],
        implied: false,
        origin,
    }
}
