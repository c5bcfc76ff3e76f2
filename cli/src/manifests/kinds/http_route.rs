//! HTTPRoute (`gateway.networking.k8s.io`).

use serde::Deserialize;

/// The parts of an HTTPRoute that count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteManifest {
    /// The gateways it is attached to.
    pub parent_refs: Vec<ParentManifest>,
    /// Only these hosts.
    pub hostnames: Vec<String>,
    /// Its rules; none is one that matches all.
    pub rules: Vec<RuleManifest>,
}

/// A reference to a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentManifest {
    /// Its API group.
    pub group: Option<String>,
    /// Its kind; `Gateway` if left out.
    pub kind: Option<String>,
    /// Its namespace; the route's if left out.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// A listener's name.
    pub section_name: Option<String>,
    /// A listener's port.
    pub port: Option<u16>,
}

/// A rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RuleManifest {
    /// Which requests.
    pub matches: Vec<MatchManifest>,
    /// Where to.
    pub backend_refs: Vec<BackendManifest>,
    /// How long.
    pub timeouts: TimeoutsManifest,
}

/// Timeouts, as Gateway API writes durations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TimeoutsManifest {
    /// The whole request.
    pub request: Option<String>,
    /// One try.
    pub backend_request: Option<String>,
}

/// A match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MatchManifest {
    /// The path.
    pub path: Option<PathManifest>,
    /// The method.
    pub method: Option<String>,
    /// Headers.
    pub headers: Vec<HeaderManifest>,
    /// Query parameters.
    pub query_params: Vec<HeaderManifest>,
}

/// A path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PathManifest {
    /// `Exact`, `PathPrefix` (if left out) or `RegularExpression`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The path; `/` if left out.
    pub value: Option<String>,
}

/// A header or query parameter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeaderManifest {
    /// `Exact` (if left out) or `RegularExpression`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A destination.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendManifest {
    /// Its API group.
    pub group: Option<String>,
    /// Its kind; `Service` if left out.
    pub kind: Option<String>,
    /// Its namespace; the route's if left out.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// A Service's port.
    pub port: Option<u16>,
    /// Its share; 1 if left out.
    pub weight: Option<u32>,
}
