//! Whether a document of Kubernetes' own kinds has the fields of its type.
//!
//! Invariant: a kind that is not known here is not judged. Gateway API's and the Inference
//! Extension's kinds are read by `document`, with their own types.

use super::tree::Tree;
use super::typed;
use crate::diagnostics::Fault;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{
    ConfigMap, Namespace, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What is wrong with the types of its fields; none if nothing, or if nobody knows.
pub(crate) fn fault(tree: &Tree) -> Option<Fault> {
    let text = |key: &str| tree.value.get(key).and_then(Value::as_str).unwrap_or_default();
    let read = match (text("apiVersion"), text("kind")) {
        ("v1", "ConfigMap") => is::<ConfigMap>,
        ("v1", "Namespace") => is::<Namespace>,
        ("v1", "PersistentVolumeClaim") => is::<PersistentVolumeClaim>,
        ("v1", "Pod") => is::<Pod>,
        ("v1", "Secret") => is::<Secret>,
        ("v1", "Service") => is::<Service>,
        ("v1", "ServiceAccount") => is::<ServiceAccount>,
        ("apps/v1", "DaemonSet") => is::<DaemonSet>,
        ("apps/v1", "Deployment") => is::<Deployment>,
        ("apps/v1", "StatefulSet") => is::<StatefulSet>,
        ("autoscaling/v2", "HorizontalPodAutoscaler") => is::<HorizontalPodAutoscaler>,
        ("networking.k8s.io/v1", "NetworkPolicy") => is::<NetworkPolicy>,
        ("rbac.authorization.k8s.io/v1", "ClusterRole") => is::<ClusterRole>,
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding") => is::<ClusterRoleBinding>,
        ("rbac.authorization.k8s.io/v1", "Role") => is::<Role>,
        ("rbac.authorization.k8s.io/v1", "RoleBinding") => is::<RoleBinding>,
        _ => return None,
    };
    read(tree, text("kind")).err()
}

fn is<T: DeserializeOwned>(tree: &Tree, kind: &str) -> Result<(), Fault> {
    typed::read_some::<T>(tree, kind).map(drop)
}
