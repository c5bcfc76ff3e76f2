//! Clusters: one per pool, with picking, and one per Service, without.

use super::{fill, scalar};
use crate::intent::{AppProtocol, Destination, Endpoints, Intent, ObjectName, Pool};
use crate::render::RenderError;
use std::fmt::Write;

const POOL: &str = include_str!("pool.yaml");

const HTTP2: &str = r#"typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    explicit_http_config: {http2_protocol_options: {}}
"#;

/// A pool's cluster.
pub(super) fn pool(pool: &Pool) -> Result<String, RenderError> {
    let protocol = match pool.app_protocol {
        AppProtocol::Http1 => String::new(),
        AppProtocol::Http2 => HTTP2.to_owned(),
    };
    let name = scalar(&pool.id);
    fill(POOL, &[("NAME", name), ("PROTOCOL", protocol), ("ENDPOINTS", endpoints(pool)?)])
}

/// A Service's cluster: its DNS name in the cluster.
pub(super) fn service(name: &ObjectName, port: u16) -> Result<String, RenderError> {
    let to = Destination::Service { name: name.clone(), port };
    let cluster = super::cluster_name(&Intent::default(), &to);
    let host = format!("{}.{}.svc.cluster.local", name.name, name.namespace);
    let mut text = String::new();
    writeln!(text, "- name: {}", scalar(&cluster)).map_err(failed)?;
    text += "  connect_timeout: 2s\n";
    for line in assignment("STRICT_DNS", &cluster, [(host, port)].into_iter())?.lines() {
        writeln!(text, "  {line}").map_err(failed)?;
    }
    Ok(text)
}

fn endpoints(pool: &Pool) -> Result<String, RenderError> {
    match &pool.endpoints {
        Endpoints::Unknown => Err(RenderError::NoEndpoints { pools: vec![pool.id.clone()] }),
        Endpoints::Addresses(list) => {
            let list = list.iter().map(|one| (one.ip().to_string(), one.port()));
            assignment("STATIC", &pool.id, list)
        }
        Endpoints::Dns(list) => {
            let list = list.iter().map(|one| (one.host.clone(), one.port));
            assignment("STRICT_DNS", &pool.id, list)
        }
        Endpoints::EdsFile(path) => Ok(format!(
            "type: EDS\neds_cluster_config:\n  eds_config:\n    resource_api_version: V3\n    path_config_source: {{path: {}}}\n",
            scalar(&path.display().to_string())
        )),
    }
}

fn assignment(
    kind: &str,
    name: &str,
    endpoints: impl Iterator<Item = (String, u16)>,
) -> Result<String, RenderError> {
    let mut text = format!("type: {kind}\nload_assignment:\n  cluster_name: {}\n", scalar(name));
    text += "  endpoints:\n  - lb_endpoints:\n";
    for (host, port) in endpoints {
        let host = scalar(&host);
        writeln!(
            text,
            "    - endpoint: {{address: {{socket_address: {{address: {host}, port_value: {port}}}}}}}"
        )
        .map_err(failed)?;
    }
    Ok(text)
}

fn failed(_: std::fmt::Error) -> RenderError {
    RenderError::Write { what: "a cluster", reason: "out of memory".to_owned() }
}
