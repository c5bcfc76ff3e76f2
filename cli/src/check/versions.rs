//! Versions of Istio and Envoy, where files state them.
//!
//! Invariant: only a version that is there is judged; a tag such as `latest` says nothing.

use super::Finding;
use crate::diagnostics::Origin;
use serde_json::Value;

/// A version that is too old for the filters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum VersionFault {
    /// Istio is too old.
    #[error(
        "{what} is Istio {version}: its control plane drops allow_on_headers_stop_iteration, so requests with a body fail"
    )]
    Istio {
        /// What says so.
        what: String,
        /// The version.
        version: String,
    },
    /// Envoy is too old.
    #[error(
        "{what} is Envoy {version}, which has neither allow_on_headers_stop_iteration nor override_host"
    )]
    Envoy {
        /// What says so.
        what: String,
        /// The version.
        version: String,
    },
}

impl VersionFault {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Istio { .. } => "use Istio 1.28 or newer".to_owned(),
            Self::Envoy { .. } => "use Envoy 1.36 or newer".to_owned(),
        }
    }
}

/// The oldest Istio whose control plane knows the flag.
const ISTIO: (u64, u64) = (1, 28);
/// The oldest Envoy with the flag and `override_host`.
const ENVOY: (u64, u64) = (1, 35);

/// Whether this Envoy is too old; an unreadable version is not.
pub(super) fn is_old_envoy(version: &str) -> bool {
    minor(version).is_some_and(|version| version < ENVOY)
}

/// Checks what a document says about versions.
pub(super) fn check(document: &Value, at: &dyn Fn(&str) -> Origin, findings: &mut Vec<Finding>) {
    images(document, "", at, findings);
    let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default();
    let api = document.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let stated: &[&str] = match kind {
        "Istio" | "IstioRevision" | "IstioCNI" => &["spec.version"],
        "IstioOperator" => &["spec.tag"],
        _ => &[],
    };
    for path in stated.iter().filter(|_| api.contains("istio.io")) {
        let pointer = format!("/{}", path.replace('.', "/"));
        let version = document.pointer(&pointer).and_then(Value::as_str).unwrap_or_default();
        istio(path, version, at(path), findings);
    }
    if kind == "EnvoyFilter" {
        let patches = document.pointer("/spec/configPatches").and_then(Value::as_array);
        for (index, patch) in patches.into_iter().flatten().enumerate() {
            let version = patch.pointer("/match/proxy/proxyVersion").and_then(Value::as_str);
            let path = format!("spec.configPatches.{index}.match.proxy.proxyVersion");
            // An expression such as `^1\.27.*`.
            let version = version.unwrap_or_default().replace('\\', "");
            istio("proxyVersion", version.trim_start_matches('^'), at(&path), findings);
        }
    }
}

fn istio(what: &str, version: &str, origin: Origin, findings: &mut Vec<Finding>) {
    if minor(version).is_some_and(|version| version < ISTIO) {
        let fault = VersionFault::Istio { what: what.to_owned(), version: version.to_owned() };
        findings.push(Finding::new(origin, fault));
    }
}

/// Every `image` below a value.
fn images(value: &Value, path: &str, at: &dyn Fn(&str) -> Origin, findings: &mut Vec<Finding>) {
    let join =
        |part: &str| if path.is_empty() { part.to_owned() } else { format!("{path}.{part}") };
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                match inner.as_str().filter(|_| key == "image") {
                    Some(image) => self::image(image, at(&join(key)), findings),
                    None => images(inner, &join(key), at, findings),
                }
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                images(inner, &join(&index.to_string()), at, findings);
            }
        }
        _ => {}
    }
}

fn image(image: &str, origin: Origin, findings: &mut Vec<Finding>) {
    let bare = image.split('@').next().unwrap_or_default();
    let Some((name, tag)) = bare.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) else {
        return;
    };
    let what = format!("the image {bare}");
    let last = |count: usize| {
        let parts: Vec<&str> = name.rsplit('/').take(count).collect();
        parts.into_iter().rev().collect::<Vec<_>>().join("/")
    };
    match last(2).as_str() {
        "istio/pilot" | "istio/proxyv2" => istio(&what, tag, origin, findings),
        "envoyproxy/envoy" if is_old_envoy(tag.trim_start_matches("distroless-")) => {
            let fault = VersionFault::Envoy { what, version: tag.to_owned() };
            findings.push(Finding::new(origin, fault));
        }
        _ => {}
    }
}

/// Major and minor of `1.27.3`, `v1.27-latest`, `1.27.*`.
fn minor(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.trim_start_matches('v').split(['.', '-', '_']);
    Some((parts.next()?.parse().ok()?, parts.next()?.trim_end_matches('*').parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(document: &Value) -> Vec<String> {
        let mut findings = Vec::new();
        let at = |path: &str| Origin { file: path.into(), line: 0 };
        check(document, &at, &mut findings);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn old_images_are_found_wherever_they_stand_and_others_are_not() {
        let image =
            |image: &str| json!({"kind": "Deployment", "spec": {"containers": [{"image": image}]}});
        let said = faults(&image("docker.io/istio/pilot:1.27.3"));
        assert!(
            said[0].starts_with("spec.containers.0.image: the image docker.io/istio/pilot:1.27.3"),
            "{said:?}"
        );
        assert_eq!(faults(&image("docker.io/envoyproxy/envoy:v1.34.1")).len(), 1);
        assert_eq!(faults(&image("envoyproxy/envoy:distroless-v1.34.1")).len(), 1);
        for new in [
            "istio/proxyv2:1.28.0",
            "envoyproxy/envoy:v1.36.2",
            "istio/pilot:latest",
            "vllm/vllm:v0.1",
            "a:5000/istio/pilot",
        ] {
            assert!(faults(&image(new)).is_empty(), "{new}");
        }
    }

    #[test]
    fn istios_own_kinds_state_their_version() {
        let istio = json!({"apiVersion": "sailoperator.istio.io/v1", "kind": "Istio", "spec": {"version": "v1.26.0"}});
        assert!(faults(&istio)[0].contains("use Istio 1.28 or newer"));
        let filter = json!({"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter", "spec": {
            "configPatches": [{"match": {"proxy": {"proxyVersion": "^1\\.27.*"}}}]}});
        assert!(
            faults(&filter)[0].contains("proxyVersion is Istio 1.27.*"),
            "{:?}",
            faults(&filter)
        );
    }
}
