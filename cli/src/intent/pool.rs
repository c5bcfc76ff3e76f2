//! Pools of model servers.

use super::{ObjectName, Origin};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// An InferencePool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: ObjectName,
    /// A name that no other pool here has: the name without the namespace, unless pools of
    /// two namespaces share it. Good for clusters, metrics and `--endpoints`.
    pub id: String,
    /// The labels of the pool's pods; empty if `implied`.
    pub selector: BTreeMap<String, String>,
    /// The pods' ports; one at least.
    pub ports: Vec<u16>,
    /// What is spoken to the model servers.
    pub app_protocol: AppProtocol,
    /// What happens when no endpoint is ready.
    pub failure_mode: FailureMode,
    /// The Service of the external endpoint picker that the manifest names; this gateway
    /// needs none.
    pub external_picker: Option<ObjectName>,
    /// The endpoints, as far as the manifests or `--endpoints` say.
    pub endpoints: Endpoints,
    /// What the pool's servers serve.
    pub servers: ModelServers,
    /// No document defines it: routes name it (and none of the files has any pool).
    pub implied: bool,
    /// Where it is defined, or named first.
    pub origin: Origin,
}

/// What is spoken to model servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppProtocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 in clear text.
    Http2,
}

/// What happens when the picker finds no endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailureMode {
    /// Any endpoint.
    Open,
    /// The answer is 503.
    #[default]
    Close,
}

/// Where the endpoints of a pool are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Endpoints {
    /// Nothing says; on Kubernetes the selector does.
    #[default]
    Unknown,
    /// A list.
    Addresses(Vec<SocketAddr>),
    /// All addresses that a name resolves to, again and again.
    Dns(Vec<Address>),
    /// A file with an Envoy `ClusterLoadAssignment`, read again when it is moved in.
    EdsFile(PathBuf),
}

/// A host name and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// The name.
    pub host: String,
    /// The port, 1 to 65535.
    pub port: u16,
}

/// What a pool's servers serve, gathered from Deployments, routes, ConfigMaps and
/// InferenceModels. Simulated servers serve exactly this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelServers {
    /// Whose metrics they have.
    pub kind: ServerKind,
    /// How many there are; none: nothing says.
    pub replicas: Option<u16>,
    /// Names of base models they answer to, sorted; the Deployment's own comes first.
    pub bases: Vec<String>,
    /// Names of adapters they answer to, sorted.
    pub adapters: Vec<String>,
    /// The Deployments whose pods the selector selects, by name.
    pub workloads: Vec<Workload>,
}

/// A Deployment of a pool's servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its name.
    pub name: ObjectName,
    /// Its replicas.
    pub replicas: u16,
    /// Where it is defined.
    pub origin: Origin,
}

/// The kind of a model server; decides the names of its metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerKind {
    /// Nothing says; the picker finds it out by the metrics.
    #[default]
    Auto,
    /// vLLM.
    Vllm,
    /// SGLang.
    Sglang,
    /// TensorRT-LLM's own server.
    Trtllm,
    /// Triton with the TensorRT-LLM backend.
    Triton,
}
