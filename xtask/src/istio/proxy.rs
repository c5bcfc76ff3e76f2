//! The gateway's Envoy, as Istio's proxies present themselves to the control plane.
//!
//! Invariant: listeners, routes, clusters and extensions all come from istiod, without Istio's
//! agent between the two: [`super::agent`] has that.

use super::cluster::Cluster;
use crate::daemon::eventually;
use anyhow::{Context, Result, ensure};
use envoy_runner::{Bootstrap, Envoy, EnvoyVersion, Options, obtain};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Istio's port of it, which the picker's cluster of the admin interface names.
const ADMIN: u16 = 15_000;
/// More than any dump here, in bytes.
const LARGEST: u64 = 64 << 20;
const READY: Duration = Duration::from_secs(120);
/// What Istio makes of the guides' Gateway.
const DEPLOYMENT: &str = "inference-gateway-istio";
const POD: &str = "inference-gateway-istio-0";
/// The pod's own.
const ADDRESS: Ipv4Addr = super::pods::GATEWAY;

/// Starts it, and waits until it has taken the listener from istiod.
pub(super) fn start(
    cluster: &Cluster,
    istio: &str,
    version: Option<EnvoyVersion>,
) -> Result<Envoy> {
    let binary = obtain(version)?;
    println!("starting Envoy {} as the gateway", binary.version);
    let Place { labels, .. } = Place::of(cluster)?;
    let mut bootstrap = bootstrap(istio, &labels);
    if let (Some(bootstrap), Some(more)) = (bootstrap.as_object_mut(), more(cluster)?.as_object()) {
        bootstrap.extend(more.clone());
    }
    let bootstrap = Bootstrap::parse(&bootstrap.to_string())?;
    let mut envoy = Envoy::start(&binary, &bootstrap, Options::default())?;
    // Ready it is with no listener, too, as long as istiod has none for it.
    envoy.wait_ready(READY)?;
    let came = eventually("no listener on port 80 comes", || {
        Ok(filters(&dump("Listeners")?).ok().map(drop))
    });
    came.with_context(|| format!("Envoy's log ends:\n{}", envoy.log_tail()))?;
    Ok(envoy)
}

/// The gateway's pod.
pub(super) struct Place {
    pub(super) address: Ipv4Addr,
    pub(super) deployment: &'static str,
    pub(super) pod: &'static str,
    pub(super) labels: Value,
}

impl Place {
    /// Makes it of the Deployment that istiod made, as controllers and a kubelet would.
    pub(super) fn of(cluster: &Cluster) -> Result<Self> {
        let name = format!("metadata.name={DEPLOYMENT}");
        // With what istio/metrics.yaml adds to it.
        let mut template = eventually("no Deployment of the Gateway, as it is told", || {
            let found = cluster.get(&["deployments", "--field-selector", &name])?;
            let template = found.pointer("/items/0/spec/template").cloned();
            Ok(template.filter(|one| one.to_string().contains("ISTIO_BOOTSTRAP_OVERRIDE")))
        })?;
        let labels = template.pointer("/metadata/labels").cloned();
        let labels = labels.context("a pod without labels")?;
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": POD, "namespace": "default", "labels": labels},
            "spec": template.get_mut("spec").map(Value::take),
        });
        cluster.apply_text(&pod.to_string())?;
        let status = json!({"status": {
            "phase": "Running",
            "podIP": ADDRESS,
            "podIPs": [{"ip": ADDRESS}],
            "conditions": [{"type": "Ready", "status": "True"}],
        }});
        let patch = ["patch", "pod", POD, "--subresource=status", "--patch", &status.to_string()];
        cluster.ask("kubectl", &patch)?;
        Ok(Self { address: ADDRESS, deployment: DEPLOYMENT, pod: POD, labels })
    }
}

/// What Istio's agent would have Envoy merge into its bootstrap.
pub(super) fn more(cluster: &Cluster) -> Result<Value> {
    let map = cluster.get(&["configmap", "igw-metrics"])?;
    let text = map.pointer("/data/bootstrap.yaml").and_then(Value::as_str);
    let text = text.context("istio/metrics.yaml has no bootstrap.yaml")?;
    serde_yaml_ng::from_str(text).context("bootstrap.yaml is not YAML")
}

fn bootstrap(istio: &str, labels: &Value) -> Value {
    let from_ads = json!({"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"});
    let address =
        |port: u16| json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
    let http2 = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }});
    json!({
        "node": {
            "id": format!("router~{ADDRESS}~{POD}.default~default.svc.cluster.local"),
            "cluster": format!("{DEPLOYMENT}.default"),
            "metadata": {
                "NAMESPACE": "default",
                "CLUSTER_ID": "Kubernetes",
                "ISTIO_VERSION": istio,
                "SERVICE_ACCOUNT": DEPLOYMENT,
                "WORKLOAD_NAME": DEPLOYMENT,
                "LABELS": labels,
            },
        },
        "admin": {"address": address(ADMIN)},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}],
            },
            "cds_config": from_ads,
            "lds_config": from_ads,
        },
        "static_resources": {"clusters": [{
            "name": "xds-grpc",
            "type": "STATIC",
            "connect_timeout": "1s",
            "typed_extension_protocol_options": http2,
            "load_assignment": {"cluster_name": "xds-grpc", "endpoints": [
                {"lb_endpoints": [{"endpoint": {"address": address(15_010)}}]},
            ]},
        }]},
    })
}

/// What Envoy's admin interface answers.
pub(super) fn ask(path: &str) -> Result<String> {
    let mut answer = ureq::get(format!("http://127.0.0.1:{ADMIN}{path}")).call()?;
    Ok(answer.body_mut().with_config().limit(LARGEST).read_to_string()?)
}

/// What Envoy says it has of a kind: `Listeners`, `Clusters`, …
pub(super) fn dump(kind: &str) -> Result<Value> {
    let text = ask("/config_dump?include_eds")?;
    let mut dump: Value = serde_json::from_str(&text).context("the dump is not JSON")?;
    let end = format!(".{kind}ConfigDump");
    let parts = dump.get_mut("configs").and_then(Value::as_array_mut).context("an empty dump")?;
    let is_it = |part: &&mut Value| part["@type"].as_str().is_some_and(|t| t.ends_with(&end));
    let part = parts.iter_mut().find(is_it).with_context(|| format!("no {kind} in the dump"))?;
    Ok(part.take())
}

/// The gateway's listener; Istio's proxies have others, too.
fn gateway(listeners: &Value) -> Result<&Value> {
    let all = listeners["dynamic_listeners"].as_array().context("no listener came")?;
    all.iter().find(|one| one["name"] == "0.0.0.0_80").context("no listener on port 80")
}

/// The names of the gateway's HTTP filters, in their order.
pub(super) fn filters(listeners: &Value) -> Result<Vec<String>> {
    let listener = gateway(listeners)?;
    let manager = "/active_state/listener/filter_chains/0/filters/0/typed_config/http_filters";
    let filters = listener.pointer(manager).and_then(Value::as_array).context("no HTTP filters")?;
    let names = filters.iter().filter_map(|filter| filter["name"].as_str()).map(str::to_owned);
    Ok(names.collect())
}

/// That the limit on buffers is the one that was patched in.
pub(super) fn expect_buffer(listeners: &Value, bytes: u64) -> Result<()> {
    let limit = "/active_state/listener/per_connection_buffer_limit_bytes";
    let found = gateway(listeners)?.pointer(limit).and_then(Value::as_u64);
    ensure!(found == Some(bytes), "the listener buffers {found:?} bytes, not {bytes}");
    Ok(())
}
