//! The kinds of documents, as far as they are read.

mod agentgateway;
mod chart;
mod gateway;
mod http_route;
mod inference;
mod models;
mod workload;

pub use agentgateway::{AgentgatewayPolicy, ModelMap};
pub use chart::{BbrValues, HttpRouteValues, ObjectiveValues, PoolValues};
pub use gateway::{GatewayManifest, ListenerManifest};
pub use http_route::{
    BackendManifest, HeaderManifest, HttpRouteManifest, MatchManifest, ParentManifest,
    PathManifest, RuleManifest,
};
pub use inference::{
    InferenceModelManifest, InferencePoolManifest, ModelRewriteManifest, ObjectiveManifest,
    PickerManifest, PoolRef, PortManifest, RewriteRule, RewriteTarget, TargetModel,
};
pub(super) use models::AdapterData;
pub use models::{AdapterMap, MANAGED_LABELS};
pub use workload::{ServiceManifest, ServicePort, WorkloadManifest};
