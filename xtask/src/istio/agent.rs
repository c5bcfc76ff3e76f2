//! Istio's agent between istiod and Envoy: modules come as images from a registry.
//!
//! Invariant: the objects are those that `igw import` wrote for what `cargo xtask publish`
//! pushed, unchanged. Rejected: a registry of our own; what is published is to be understood
//! by one that others wrote.

use super::cluster::Cluster;
use super::objects::import;
use super::programs::Programs;
use super::proxy::{self, Place};
use crate::daemon::{Daemon, eventually};
use anyhow::{Context, Result, ensure};
use envoy_runner::{EnvoyBinary, EnvoyVersion, obtain};
use serde_json::{Value, json};
use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The registry's address, and where in it the modules are.
const REGISTRY: &str = "127.0.0.1:5000";

/// Registry, agent and Envoy; they end when dropped.
pub(super) struct Agent {
    _registry: Daemon,
    _agent: Daemon,
}

impl Agent {
    /// Publishes the modules, applies objects that name them, and starts the agent, which
    /// starts Envoy; waits until Envoy has the gateway's listener.
    pub(super) fn start(
        cluster: &Cluster,
        programs: &Programs,
        version: Option<EnvoyVersion>,
        folder: &Path,
    ) -> Result<Self> {
        let folder = folder.join("agent");
        fs::create_dir_all(folder.join("etc/istio/pod"))?;
        let registry = registry(&folder)?;
        let digests = publish(&folder)?;
        let out = folder.join("out");
        import(cluster, &format!("oci://{REGISTRY}/igw"), &digests, &out)?;
        cluster.apply(&out)?;
        let agent = agent(cluster, programs, &obtain(version)?, &folder)?;
        eventually("no listener on port 80 comes by Istio's agent", || {
            Ok(proxy::filters(&proxy::dump("Listeners").unwrap_or_default()).ok().map(drop))
        })?;
        Ok(Self { _registry: registry, _agent: agent })
    }
}

fn registry(folder: &Path) -> Result<Daemon> {
    let settings = folder.join("registry.yaml");
    let storage = json!({"filesystem": {"rootdirectory": folder.join("registry")}});
    let text = json!({"version": "0.1", "storage": storage, "http": {"addr": REGISTRY}});
    fs::write(&settings, serde_yaml_ng::to_string(&text)?)?;
    let mut command = Command::new("docker-registry");
    let mut registry =
        Daemon::start("docker-registry", command.arg("serve").arg(settings), folder)?;
    let url = format!("http://{REGISTRY}/v2/");
    registry.wait(|| ureq::get(&url).call().is_ok())?;
    Ok(registry)
}

/// Pushes the modules; their images' digests, as `igw import` takes them.
fn publish(folder: &Path) -> Result<Vec<String>> {
    println!("publishing the modules to a registry");
    let layouts = folder.join("oci");
    let output = Command::new(env::current_exe().context("where is this program?")?)
        .args(["publish", "--plain-http", "--to", &format!("{REGISTRY}/igw"), "--output"])
        .arg(&layouts)
        // There is no way out of here.
        .env("CARGO_NET_OFFLINE", "true")
        .stdin(Stdio::null())
        .output()
        .context("cannot publish")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo xtask publish failed:\n{}", said.trim());
    let digests: Value = serde_json::from_slice(&fs::read(layouts.join("digests.json"))?)?;
    let modules =
        digests.get("modules").and_then(Value::as_array).context("no modules in digests.json")?;
    let digest = |module: &Value| {
        let digest = module.pointer("/image/sha256")?.as_str()?;
        Some(format!("{}=sha256:{digest}", module["name"].as_str()?))
    };
    modules.iter().map(|module| digest(module).context("no digest in digests.json")).collect()
}

fn agent(
    cluster: &Cluster,
    programs: &Programs,
    envoy: &EnvoyBinary,
    folder: &Path,
) -> Result<Daemon> {
    println!("starting Istio's agent with Envoy {}", envoy.version);
    let Place { address, deployment, pod, labels } = Place::of(cluster)?;
    let labels = labels.as_object().context("a pod without labels")?;
    let lines = labels.iter().map(|(name, value)| format!("{name}={value}\n"));
    fs::write(folder.join("etc/istio/pod/labels"), lines.collect::<String>())?;
    let more = folder.join("bootstrap.yaml");
    fs::write(&more, proxy::more(cluster)?.to_string())?;
    let settings = json!({
        "discoveryAddress": "127.0.0.1:15010",
        "controlPlaneAuthPolicy": "NONE",
        "binaryPath": envoy.path,
        "configPath": folder.join("proxy"),
    });
    let mut command = Command::new(programs.agent());
    command
        .args(["proxy", "router", "--domain", "default.svc.cluster.local", "--concurrency", "2"])
        .env_clear()
        .env("POD_NAME", pod)
        .env("POD_NAMESPACE", "default")
        .env("INSTANCE_IP", address.to_string())
        .env("SERVICE_ACCOUNT", deployment)
        .env("ISTIO_META_WORKLOAD_NAME", deployment)
        .env("ISTIO_META_CLUSTER_ID", "Kubernetes")
        .env("ISTIO_BOOTSTRAP", programs.bootstrap())
        .env("ISTIO_BOOTSTRAP_OVERRIDE", more)
        .env("WASM_INSECURE_REGISTRIES", REGISTRY)
        .env("PROXY_CONFIG", settings.to_string())
        .current_dir(folder);
    Daemon::start("pilot-agent", &mut command, folder)
}
