//! Istio's control plane, installed as the documentation says, as far as that goes without
//! nodes: the objects that `istioctl install` would apply, and istiod as a process.
//!
//! Invariant: istiod has the environment that the documentation's command gives it. What the
//! trial adds are [`FOR_STOCK_ENVOY`], and nothing else. Left out are the webhooks: their
//! Service would lead nowhere; `istioctl validate` asks the same of objects.

use super::cluster::Cluster;
use super::programs::Programs;
use crate::daemon::Daemon;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Envoy as released knows no filters of Istio's own proxy, and nobody issues certificates.
const FOR_STOCK_ENVOY: [&str; 4] = [
    "values.pilot.env.PILOT_ENABLE_ALPN_FILTER=false",
    "values.pilot.env.PILOT_ENABLE_METADATA_EXCHANGE=false",
    "values.telemetry.enabled=false",
    "meshConfig.enableAutoMtls=false",
];

pub(super) struct ControlPlane {
    daemon: Daemon,
}

impl ControlPlane {
    /// Applies the objects that this `istioctl install …` would, and starts istiod.
    pub(super) fn install(
        cluster: &Cluster,
        programs: &Programs,
        install: &str,
        folder: &Path,
    ) -> Result<Self> {
        println!("installing Istio: {install}");
        let flags = install.strip_prefix("istioctl install ");
        let flags = flags.with_context(|| format!("this installs no Istio: {install}"))?;
        let mut arguments = vec!["manifest", "generate"];
        arguments.extend(flags.split_whitespace());
        arguments.extend(FOR_STOCK_ENVOY.iter().flat_map(|set| ["--set", set]));
        let objects = documents(&cluster.ask("istioctl", &arguments)?)?;
        let kind = |object: &Value| object["kind"].as_str().unwrap_or_default().to_owned();
        let environment = environment(&objects)?;
        let wanted = objects.into_iter().filter(|object| !kind(object).contains("Webhook"));
        let (crds, others): (Vec<_>, Vec<_>) =
            wanted.partition(|object| kind(object) == "CustomResourceDefinition");
        cluster.ask("kubectl", &["create", "namespace", "istio-system"])?;
        for part in [crds, others] {
            cluster.apply_text(&list(part).to_string())?;
        }
        cluster.established()?;
        println!("starting istiod");
        let daemon = Daemon::start(
            "istiod",
            Command::new(programs.istiod())
                .args(["discovery", "--kubeconfig"])
                .arg(cluster.kubeconfig())
                .env_clear()
                .envs(environment)
                .env("POD_NAME", "istiod")
                .env("POD_NAMESPACE", "istio-system")
                .current_dir(folder),
            folder,
        )?;
        let mut control_plane = Self { daemon };
        control_plane.daemon.wait(ready)?;
        Ok(control_plane)
    }
}

fn ready() -> bool {
    let agent = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(1))).build();
    ureq::Agent::from(agent).get("http://127.0.0.1:8080/ready").call().is_ok()
}

/// The variables that istiod's Deployment gives a value.
fn environment(objects: &[Value]) -> Result<Vec<(String, String)>> {
    let istiod = objects.iter().find(|object| object["kind"] == "Deployment");
    let env = istiod.and_then(|istiod| istiod.pointer("/spec/template/spec/containers/0/env"));
    let env = env.and_then(Value::as_array).context("no Deployment of istiod")?;
    let pair =
        |one: &Value| Some((one["name"].as_str()?.to_owned(), one["value"].as_str()?.to_owned()));
    let pairs: Vec<_> = env.iter().filter_map(pair).collect();
    let name = "ENABLE_GATEWAY_API_INFERENCE_EXTENSION";
    ensure!(pairs.iter().any(|(key, value)| key == name && value == "true"), "{name} is not set");
    Ok(pairs)
}

/// The documents of a YAML file that are not empty.
pub(super) fn documents(text: &str) -> Result<Vec<Value>> {
    let all = serde_yaml_ng::Deserializer::from_str(text).map(Value::deserialize);
    let all = all.filter(|document| !matches!(document, Ok(Value::Null)));
    all.collect::<Result<_, _>>().context("not YAML")
}

/// Objects as one.
pub(super) fn list(objects: Vec<Value>) -> Value {
    serde_json::json!({"apiVersion": "v1", "kind": "List", "items": objects})
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn istiod_has_the_environment_of_its_deployment() {
        let deployment = |value: &str| {
            let env = json!([
                {"name": "ENABLE_GATEWAY_API_INFERENCE_EXTENSION", "value": value},
                {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ]);
            let spec = json!({"template": {"spec": {"containers": [{"env": env}]}}});
            [json!({"kind": "Deployment", "spec": spec})]
        };
        let found = environment(&deployment("true")).unwrap();
        let name = "ENABLE_GATEWAY_API_INFERENCE_EXTENSION";
        assert_eq!(found, [(name.to_owned(), "true".to_owned())]);
        assert!(environment(&deployment("false")).is_err());
        assert!(environment(&[]).is_err());
    }
}
