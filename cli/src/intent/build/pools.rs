//! InferencePools: from documents, and from values of the chart `inferencepool`.

use super::Builder;
use crate::diagnostics::{Assumption, FaultKind, Origin, Shape};
use crate::intent::{
    AppProtocol, Endpoints, FailureMode, ModelServers, ObjectName, Pool, ServerKind,
};
use crate::manifests::kinds::{InferencePoolManifest, PoolValues, PortManifest};
use crate::manifests::{Body, Document};
use std::collections::BTreeMap;

/// The port of model servers if nothing says it: vLLM's, and the chart's.
pub(super) const DEFAULT_PORT: u16 = 8000;

impl Pool {
    /// A pool that is named and not defined.
    pub(super) fn implied(name: ObjectName, origin: Origin) -> Self {
        Self {
            id: name.name.clone(),
            name,
            selector: BTreeMap::new(),
            ports: vec![DEFAULT_PORT],
            app_protocol: AppProtocol::default(),
            failure_mode: FailureMode::default(),
            external_picker: None,
            endpoints: Endpoints::default(),
            servers: ModelServers::default(),
            implied: true,
            origin,
        }
    }
}

impl Builder<'_> {
    pub(super) fn pools(&mut self) {
        let manifests = self.each(|body| match body {
            Body::InferencePool(pool) => Some(pool.clone()),
            _ => None,
        });
        for (document, manifest) in manifests {
            let pool = self.pool(&document, &manifest);
            self.add(&document, pool);
        }
        let values = self.each(|body| match body {
            Body::PoolValues(values) => Some(values.clone()),
            _ => None,
        });
        for (document, values) in values {
            if let Some(pool) = self.pool_of_chart(&document, values) {
                self.add(&document, pool);
            }
        }
    }

    fn add(&mut self, document: &Document, pool: Pool) {
        let same = |other: &Pool| (&other.selector, &other.ports) == (&pool.selector, &pool.ports);
        if let Some(other) = self.intent.pool(&pool.name) {
            // The chart makes the pool that the document is; equal ones are one.
            if !same(other) {
                let other = other.origin.clone();
                let name = pool.name.to_string();
                let kind = FaultKind::Conflict { kind: "InferencePool", name, other };
                self.fault(document.origin(), kind);
            }
            return;
        }
        let pods: Vec<String> = pool.selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let ports: Vec<String> = pool.ports.iter().map(u16::to_string).collect();
        let mut meaning = format!("pods {}, port {}", pods.join(","), ports.join(", "));
        if let Some(picker) = &pool.external_picker {
            meaning += &format!("; its external picker {} is not needed", picker.name);
        }
        self.understood(document, meaning);
        self.intent.pools.push(pool);
    }

    fn pool(&mut self, document: &Document, manifest: &InferencePoolManifest) -> Pool {
        let mut pool = Pool::implied(document.name.clone(), document.origin());
        pool.implied = false;
        pool.selector.clone_from(&manifest.selector.match_labels);
        self.ports(document, &manifest.target_ports, &mut pool);
        if manifest.target_ports.is_empty() {
            let subject = format!("InferencePool {}", pool.name);
            self.assumed(document.origin(), subject, Assumption::PoolPort { port: DEFAULT_PORT });
        }
        if let Some(picker) = &manifest.endpoint_picker_ref {
            pool.failure_mode = self.failure_mode(
                document,
                "spec.endpointPickerRef.failureMode",
                picker.failure_mode.as_deref(),
            );
            pool.external_picker = Some(ObjectName {
                namespace: document.name.namespace.clone(),
                name: picker.name.clone(),
            });
        }
        pool.app_protocol =
            self.app_protocol(document, "spec.appProtocol", manifest.app_protocol.as_deref());
        pool
    }

    fn pool_of_chart(&mut self, document: &Document, values: PoolValues) -> Option<Pool> {
        let given = values.inference_pool;
        let mut pool = Pool::implied(document.name.clone(), document.origin());
        pool.implied = false;
        let Some(servers) = given.model_servers.filter(|s| !s.match_labels.is_empty()) else {
            let path = "inferencePool.modelServers.matchLabels";
            let kind = document.kind().to_owned();
            let kind = FaultKind::Field { kind, path: path.to_owned(), reason: Shape::Missing };
            self.fault(document.places.at(path), kind);
            return None;
        };
        pool.selector = servers.match_labels;
        let mut ports = given.target_ports;
        if let Some(number) = given.target_port_number.filter(|_| ports.is_empty()) {
            ports.push(PortManifest { number });
        }
        self.ports(document, &ports, &mut pool);
        let mode = given.failure_mode.or(values.inference_extension.failure_mode);
        pool.failure_mode =
            self.failure_mode(document, "inferencePool.failureMode", mode.as_deref());
        pool.app_protocol =
            self.app_protocol(document, "inferencePool.appProtocol", given.app_protocol.as_deref());
        pool.servers.kind = match given.model_server_type.as_deref() {
            None => ServerKind::Auto,
            Some("vllm") => ServerKind::Vllm,
            Some("sglang") => ServerKind::Sglang,
            Some("triton-tensorrt-llm") => ServerKind::Triton,
            Some("trtllm-serve") => ServerKind::Trtllm,
            Some(other) => {
                let expected = "vllm, sglang, triton-tensorrt-llm or trtllm-serve";
                self.wrong(document, "inferencePool.modelServerType", other, expected);
                ServerKind::Auto
            }
        };
        Some(pool)
    }

    fn ports(&mut self, document: &Document, ports: &[PortManifest], pool: &mut Pool) {
        if ports.iter().any(|port| port.number == 0) {
            self.wrong(document, "spec.targetPorts", "0", "a port from 1 to 65535");
        }
        if !ports.is_empty() {
            pool.ports = ports.iter().map(|port| port.number).collect();
        }
    }

    fn failure_mode(&mut self, document: &Document, path: &str, mode: Option<&str>) -> FailureMode {
        match mode {
            None | Some("FailClose") => FailureMode::Close,
            Some("FailOpen") => FailureMode::Open,
            Some(other) => {
                self.wrong(document, path, other, "FailOpen or FailClose");
                FailureMode::Close
            }
        }
    }

    fn app_protocol(&mut self, document: &Document, path: &str, text: Option<&str>) -> AppProtocol {
        match text {
            None | Some("http") => AppProtocol::Http1,
            Some("kubernetes.io/h2c") => AppProtocol::Http2,
            Some(other) => {
                self.wrong(document, path, other, "http or kubernetes.io/h2c");
                AppProtocol::Http1
            }
        }
    }
}
