//! A document with its kind: decides what a tree is, and reads it as that.

use super::Source;
use super::kinds::{
    AdapterMap, AgentgatewayPolicy, BbrValues, GatewayManifest, HttpRouteManifest,
    InferenceModelManifest, InferencePoolManifest, ModelRewriteManifest, ObjectiveManifest,
    PoolValues, ServiceManifest, WorkloadManifest,
};
use super::spelling::{self, Mended};
use super::tree::{Places, Tree};
use super::typed::{self, Subject};
use super::{adapters, values};
use crate::diagnostics::{Fault, Notice, NoticeKind, Origin};
use crate::intent::ObjectName;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A document that plays a part.
#[derive(Clone, Debug)]
pub struct Document {
    /// The object's name; for a chart's values the release's.
    pub name: ObjectName,
    /// What it says.
    pub body: Body,
    /// Where its parts stand.
    pub places: Places,
    /// Its content, to compare documents with.
    pub content: Value,
}

/// What a document says.
#[derive(Clone, Debug)]
pub enum Body {
    /// Gateway.
    Gateway(GatewayManifest),
    /// HTTPRoute.
    HttpRoute(HttpRouteManifest),
    /// InferencePool.
    InferencePool(InferencePoolManifest),
    /// InferenceModel.
    InferenceModel(InferenceModelManifest),
    /// InferenceObjective.
    InferenceObjective(ObjectiveManifest),
    /// InferenceModelRewrite.
    InferenceModelRewrite(ModelRewriteManifest),
    /// A ConfigMap with a base model and its adapters.
    Adapters(AdapterMap),
    /// Service.
    Service(ServiceManifest),
    /// Deployment.
    Deployment(WorkloadManifest),
    /// AgentgatewayPolicy.
    AgentgatewayPolicy(AgentgatewayPolicy),
    /// Values of the chart `inferencepool`.
    PoolValues(PoolValues),
    /// Values of the chart `body-based-routing`.
    BbrValues(BbrValues),
}

impl Document {
    /// Where it begins.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.places.at("")
    }

    /// What its kind is called.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.body {
            Body::Gateway(_) => "Gateway",
            Body::HttpRoute(_) => "HTTPRoute",
            Body::InferencePool(_) => "InferencePool",
            Body::InferenceModel(_) => "InferenceModel",
            Body::InferenceObjective(_) => "InferenceObjective",
            Body::InferenceModelRewrite(_) => "InferenceModelRewrite",
            Body::Adapters(_) => "ConfigMap",
            Body::Service(_) => "Service",
            Body::Deployment(_) => "Deployment",
            Body::AgentgatewayPolicy(_) => "AgentgatewayPolicy",
            Body::PoolValues(_) => "values of inferencepool",
            Body::BbrValues(_) => "values of body-based-routing",
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    api_version: String,
    kind: String,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    namespace: Option<String>,
}

/// A document whose `spec` counts.
#[derive(Deserialize)]
struct WithSpec<T> {
    spec: T,
}

/// Decides what `tree` is and reads it; none if it plays no part, which is noted.
pub(crate) fn understand(
    mut tree: Tree,
    source: &Source,
    namespace: &str,
    notices: &mut Vec<Notice>,
) -> Result<Option<Document>, Fault> {
    if tree.value.get("kind").is_none() && tree.value.get("apiVersion").is_none() {
        return values::read(tree, source, namespace, notices);
    }
    let header: Header = typed::read_some(&tree, "document")?;
    let group = header.api_version.split_once('/').map_or("", |(group, _)| group);
    let name = ObjectName {
        namespace: header.metadata.namespace.unwrap_or_else(|| namespace.to_owned()),
        name: header.metadata.name,
    };
    let text = name.to_string();
    let gateway_api = group == "gateway.networking.k8s.io";
    // The guides name groups that no release had; the kind is enough.
    let inference = group.contains("inference") || group.starts_with("gateway.networking");
    let body = match header.kind.as_str() {
        "Gateway" if gateway_api => spec(&tree, "Gateway", &text, notices).map(Body::Gateway)?,
        "HTTPRoute" if gateway_api => {
            let mended = spelling::http_route(&mut tree);
            note(&tree, "HTTPRoute", &text, mended, notices);
            spec(&tree, "HTTPRoute", &text, notices).map(Body::HttpRoute)?
        }
        "InferencePool" if inference => {
            let mended = spelling::inference_pool(&mut tree);
            note(&tree, "InferencePool", &text, mended, notices);
            spec(&tree, "InferencePool", &text, notices).map(Body::InferencePool)?
        }
        "InferenceModel" if inference => {
            spec(&tree, "InferenceModel", &text, notices).map(Body::InferenceModel)?
        }
        "InferenceObjective" if inference => {
            spec(&tree, "InferenceObjective", &text, notices).map(Body::InferenceObjective)?
        }
        "InferenceModelRewrite" if inference => {
            spec(&tree, "InferenceModelRewrite", &text, notices).map(Body::InferenceModelRewrite)?
        }
        "AgentgatewayPolicy" => {
            spec(&tree, "AgentgatewayPolicy", &text, notices).map(Body::AgentgatewayPolicy)?
        }
        "ConfigMap" if group.is_empty() && adapters::are_managed(&tree) => {
            Body::Adapters(adapters::read(&tree)?)
        }
        "Service" if group.is_empty() => {
            Body::Service(typed::read_some::<Service>(&tree, "Service")?.into())
        }
        "Deployment" if group == "apps" => {
            Body::Deployment(typed::read_some::<Deployment>(&tree, "Deployment")?.into())
        }
        kind => {
            let why = match kind {
                "ConfigMap" => ": it has none of the labels of adapter maps",
                _ => "",
            };
            let kind = NoticeKind::IgnoredDocument { kind: kind.to_owned(), name: text, why };
            notices.push(Notice { origin: tree.places.at(""), kind });
            return Ok(None);
        }
    };
    Ok(Some(document(name, body, tree)))
}

pub(super) fn document(name: ObjectName, body: Body, tree: Tree) -> Document {
    let mut content = tree.value;
    if let Some(content) = content.as_object_mut() {
        content.remove("status");
        content.remove("apiVersion");
    }
    Document { name, body, places: tree.places, content }
}

fn spec<T: DeserializeOwned>(
    tree: &Tree,
    kind: &'static str,
    name: &str,
    notices: &mut Vec<Notice>,
) -> Result<T, Fault> {
    let document: WithSpec<T> = typed::read(tree, Subject { kind, name }, notices)?;
    Ok(document.spec)
}

fn note(
    tree: &Tree,
    kind: &'static str,
    name: &str,
    mended: Vec<Mended>,
    notices: &mut Vec<Notice>,
) {
    notices.extend(mended.into_iter().map(|(path, found, taken)| Notice {
        origin: tree.places.at(path),
        kind: NoticeKind::Spelling { kind, name: name.to_owned(), found, taken },
    }));
}
