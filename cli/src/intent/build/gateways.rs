//! Gateways: from documents, and those that routes and charts name.

use super::Builder;
use super::routes::DEFAULT_GATEWAY;
use crate::diagnostics::{Assumption, Doubt, Notice, NoticeKind, Origin};
use crate::intent::{Gateway, Listener, ObjectName, Protocol};
use crate::manifests::kinds::GatewayManifest;
use crate::manifests::{Body, Document};

impl Builder<'_> {
    pub(super) fn gateways(&mut self) {
        let manifests = self.each(|body| match body {
            Body::Gateway(gateway) => Some(gateway.clone()),
            _ => None,
        });
        for (document, manifest) in manifests {
            self.gateway(&document, &manifest);
        }
        let mut named: Vec<(ObjectName, Origin)> = Vec::new();
        for route in &self.intent.routes {
            let parents = route.parents.iter();
            named.extend(parents.map(|parent| (parent.gateway.clone(), route.origin.clone())));
        }
        let charts = self.each(|body| match body {
            Body::BbrValues(values) => Some(values.inference_gateway.name.clone()),
            _ => None,
        });
        for (document, name) in charts {
            let name = name.unwrap_or_else(|| DEFAULT_GATEWAY.to_owned());
            self.understood(
                &document,
                format!("body-based routing on Gateway {name}; no server is needed for it"),
            );
            let namespace = document.name.namespace.clone();
            named.push((ObjectName { namespace, name }, document.origin()));
        }
        for (name, origin) in named {
            self.imply(name, origin);
        }
        if self.intent.gateways.is_empty()
            && let Some(first) = self.documents.first()
        {
            let (namespace, origin) = (first.name.namespace.clone(), first.origin());
            self.imply(ObjectName { namespace, name: DEFAULT_GATEWAY.to_owned() }, origin);
        }
        self.detached();
    }

    /// Routes that are attached to nothing.
    fn detached(&mut self) {
        let mut doubts = Vec::new();
        for route in &self.intent.routes {
            if route.parents.is_empty() {
                doubts.push((route, Doubt::NoParents));
            }
            for parent in &route.parents {
                let gateways = self.intent.gateways.iter();
                let gateways = gateways.filter(|gateway| gateway.name == parent.gateway);
                let mut listeners = gateways.flat_map(|gateway| &gateway.listeners);
                if !listeners.any(|listener| parent.means(listener)) {
                    let gateway = parent.gateway.to_string();
                    doubts.push((route, Doubt::NoSuchListener { gateway }));
                }
            }
        }
        let told = doubts.into_iter().map(|(route, doubt)| {
            (route.origin.clone(), format!("HTTPRoute {}", route.name), doubt)
        });
        for (origin, subject, doubt) in told.collect::<Vec<_>>() {
            self.doubtful(origin, subject, doubt);
        }
    }

    fn imply(&mut self, name: ObjectName, origin: Origin) {
        if self.intent.gateways.iter().any(|gateway| gateway.name == name) {
            return;
        }
        let what = Assumption::GatewayExists;
        self.assumed(origin.clone(), format!("Gateway {name}"), what);
        let listener = Listener {
            port: 80,
            name: "http".to_owned(),
            protocol: Protocol::Http,
            hostname: None,
        };
        let listeners = vec![listener];
        self.intent.gateways.push(Gateway { name, class: None, listeners, implied: true, origin });
    }

    fn gateway(&mut self, document: &Document, manifest: &GatewayManifest) {
        let mut listeners = Vec::new();
        for (index, listener) in manifest.listeners.iter().enumerate() {
            let path = format!("spec.listeners.{index}");
            let protocol = match listener.protocol.as_str() {
                "HTTP" => Protocol::Http,
                "HTTPS" => Protocol::Https,
                _ => {
                    let kind = NoticeKind::IgnoredField {
                        kind: "Gateway",
                        name: document.name.to_string(),
                        path: format!("{path} (protocol {})", listener.protocol),
                    };
                    self.notices.push(Notice { origin: document.places.at(&path), kind });
                    continue;
                }
            };
            if listener.port == 0 {
                self.wrong(document, &format!("{path}.port"), "0", "a port from 1 to 65535");
            }
            listeners.push(Listener {
                port: listener.port,
                name: listener.name.clone(),
                protocol,
                hostname: listener.hostname.clone(),
            });
        }
        listeners.sort();
        if listeners.is_empty() {
            let expected = "a list with an HTTP or HTTPS listener";
            return self.wrong(document, "spec.listeners", "", expected);
        }
        let all = listeners.iter().map(|one| format!("{} on port {}", one.name, one.port));
        self.understood(document, all.collect::<Vec<_>>().join(", "));
        self.intent.gateways.push(Gateway {
            name: document.name.clone(),
            class: manifest.gateway_class_name.clone(),
            listeners,
            implied: false,
            origin: document.origin(),
        });
    }
}
