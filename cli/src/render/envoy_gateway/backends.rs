//! The pools as headless Services, and the routes to them.
//!
//! Invariant: a pool's Service selects the pods that the pool selects and has all its ports.
//! The routes keep their names, so applying them replaces those that name InferencePools.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::diagnostics::{Doubt, Notice, NoticeKind};
use crate::intent::{AppProtocol, Backend, Destination, Intent, Pool};
use crate::render::{RenderError, RenderedFile, envoy, routes};

/// `services.yaml`, if a route leads to a pool, and `routes.yaml`.
pub(super) fn files(intent: &Intent) -> Result<Vec<RenderedFile>, RenderError> {
    let pools = envoy::routed(intent);
    let services = pools.iter().map(|pool| service(pool));
    let services = routes::documents("# The pools' servers, for the routes.\n", services)?;
    let manifests = intent
        .routes
        .iter()
        .map(|route| routes::manifest(route, &|backend: &Backend| backends(intent, backend)));
    let head = "# The routes, to Services in place of InferencePools; they replace those of the same\n# names.\n";
    let files = [("services.yaml", services), ("routes.yaml", routes::documents(head, manifests)?)];
    let file = |(path, text): (&str, Option<String>)| {
        Some(RenderedFile { path: PathBuf::from(path), text: text? })
    };
    Ok(files.into_iter().filter_map(file).collect())
}

/// Says of which pools the pods are guessed.
pub(super) fn guessed(intent: &Intent) -> Vec<Notice> {
    let unknown = envoy::routed(intent).into_iter().filter(|pool| pool.selector.is_empty());
    let notice = |pool: &Pool| Notice {
        origin: pool.origin.clone(),
        kind: NoticeKind::Doubtful {
            subject: format!("InferencePool {}", pool.name),
            doubt: Doubt::PodsGuessed { label: pool.name.name.clone() },
        },
    };
    unknown.map(notice).collect()
}

/// The longest name of a Service, in bytes.
const LONGEST: usize = 63;

/// The name of a pool's Service: not the pool's own, which a Service may have already. Names
/// of Kubernetes are ASCII.
fn name(pool: &str) -> String {
    let whole = format!("igw-{pool}");
    if whole.len() <= LONGEST {
        return whole;
    }
    let hash: String =
        Sha256::digest(pool.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let start = whole.get(..LONGEST - 1 - hash.len()).unwrap_or_default();
    format!("{start}-{hash}")
}

/// The labels of a pool's pods; as the guides label theirs, if nothing says.
fn selector(pool: &Pool) -> BTreeMap<String, String> {
    if pool.selector.is_empty() {
        BTreeMap::from([("app".to_owned(), pool.name.name.clone())])
    } else {
        pool.selector.clone()
    }
}

fn service(pool: &Pool) -> routes::Manifest {
    let port = |port: &u16| {
        let mut written = json!({
            "name": format!("http-{port}"), "port": port, "targetPort": port, "protocol": "TCP",
        });
        let h2 = pool.app_protocol == AppProtocol::Http2;
        routes::put(&mut written, "appProtocol", h2.then(|| json!("kubernetes.io/h2c")));
        written
    };
    routes::Manifest {
        api_version: "v1",
        kind: "Service",
        metadata: json!({"name": name(&pool.name.name), "namespace": pool.name.namespace}),
        spec: json!({
            "clusterIP": "None",
            "selector": selector(pool),
            "ports": pool.ports.iter().map(port).collect::<Value>(),
        }),
    }
}

/// The references to a backend's Service, one for each port.
fn backends(intent: &Intent, backend: &Backend) -> Vec<Value> {
    let Destination::Pool(pool) = &backend.to else { return vec![routes::backend(backend)] };
    let ports = intent.pool(pool).map(|pool| pool.ports.as_slice()).unwrap_or_default();
    let reference = |port: &u16| {
        json!({
            "kind": "Service",
            "name": name(&pool.name),
            "namespace": pool.namespace,
            "port": port,
            "weight": backend.weight,
        })
    };
    ports.iter().map(reference).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_have_names_of_their_own_that_kubernetes_accepts() {
        assert_eq!(name("vllm-llama3"), "igw-vllm-llama3");
        let (one, two) = (name(&"a".repeat(62)), name(&"a".repeat(63)));
        assert_eq!((one.len(), two.len()), (LONGEST, LONGEST));
        assert_ne!(one, two);
    }
}
