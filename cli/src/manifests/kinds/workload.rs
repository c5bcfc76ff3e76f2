//! Services and Deployments, reduced to what they tell about model servers.
//!
//! Invariant: arguments are read as vLLM and its simulator write them (`--model NAME`,
//! `--model=NAME`, `vllm serve NAME`); what cannot be read is left out, since a Deployment
//! may well run something else.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeMap;

/// What a Service tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceManifest {
    /// Which pods; empty: none.
    pub selector: BTreeMap<String, String>,
    /// `clusterIP: None`: its name resolves to its pods.
    pub headless: bool,
    /// Its ports.
    pub ports: Vec<ServicePort>,
}

/// A port of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Its number.
    pub port: u16,
    /// The pods' port behind it, if it is a number; the Service's own if left out.
    pub target: Option<u16>,
}

/// What a Deployment tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkloadManifest {
    /// The labels of its pods.
    pub labels: BTreeMap<String, String>,
    /// How many pods.
    pub replicas: u16,
    /// The base model it serves.
    pub model: Option<String>,
    /// Names it serves the base model under, if they are not its own.
    pub served_names: Vec<String>,
    /// Adapters it serves from the start.
    pub adapters: Vec<String>,
    /// The containers' ports.
    pub ports: Vec<u16>,
    /// The containers' images.
    pub images: Vec<String>,
}

impl From<Service> for ServiceManifest {
    fn from(service: Service) -> Self {
        let spec = service.spec.unwrap_or_default();
        let port = |number: i32| u16::try_from(number).ok().filter(|number| *number > 0);
        let ports = spec.ports.unwrap_or_default().into_iter().filter_map(|one| {
            let own = port(one.port)?;
            let target = match one.target_port {
                None => Some(own),
                Some(IntOrString::Int(number)) => port(number),
                Some(IntOrString::String(_)) => None,
            };
            Some(ServicePort { port: own, target })
        });
        Self {
            ports: ports.collect(),
            selector: spec.selector.unwrap_or_default(),
            headless: spec.cluster_ip.as_deref() == Some("None"),
        }
    }
}

impl From<Deployment> for WorkloadManifest {
    fn from(deployment: Deployment) -> Self {
        let spec = deployment.spec.unwrap_or_default();
        let metadata = spec.template.metadata.unwrap_or_default();
        let containers = spec.template.spec.map(|pod| pod.containers).unwrap_or_default();
        let mut workload = Self {
            labels: metadata.labels.unwrap_or_default(),
            replicas: spec.replicas.map_or(1, |n| u16::try_from(n).unwrap_or(u16::MAX)),
            ..Self::default()
        };
        for container in containers {
            let ports = container.ports.unwrap_or_default();
            workload
                .ports
                .extend(ports.iter().filter_map(|p| u16::try_from(p.container_port).ok()));
            workload.images.extend(container.image);
            let words = container.command.into_iter().chain(container.args).flatten();
            workload.read_arguments(&words.collect::<Vec<_>>());
        }
        workload
    }
}

impl WorkloadManifest {
    fn read_arguments(&mut self, words: &[String]) {
        // `sh -c "vllm serve …"` is one word.
        let words: Vec<&str> = words
            .iter()
            .flat_map(|word| match word.contains("vllm serve ") {
                true => word.split_whitespace().collect(),
                false => vec![word.trim()],
            })
            .collect();
        let mut rest = words.iter().copied().peekable();
        while let Some(word) = rest.next() {
            let (flag, inline) = match word.split_once('=') {
                Some((flag, value)) if flag.starts_with("--") => (flag, Some(value)),
                _ => (word, None),
            };
            match flag {
                "--model" => self.model = inline.or_else(|| rest.next()).map(str::to_owned),
                "serve" if self.model.is_none() => {
                    self.model = rest.next_if(|next| !next.starts_with('-')).map(str::to_owned);
                }
                "--served-model-name" | "--lora-modules" => {
                    let mut values: Vec<&str> = inline.into_iter().collect();
                    while let Some(value) = rest.next_if(|next| !next.starts_with("--")) {
                        values.push(value);
                    }
                    if flag == "--lora-modules" {
                        self.adapters.extend(values.iter().filter_map(|value| adapter(value)));
                    } else {
                        self.served_names.extend(values.iter().map(|&value| value.to_owned()));
                    }
                }
                _ => {}
            }
        }
    }
}

/// `NAME=PATH`, `{"name": "NAME", …}` or `NAME`.
fn adapter(text: &str) -> Option<String> {
    let text = text.trim();
    let name = if text.starts_with('{') {
        let module: serde_json::Value = serde_json::from_str(text).ok()?;
        module.get("name")?.as_str()?.to_owned()
    } else {
        text.split_once('=').map_or(text, |(name, _)| name).to_owned()
    };
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(words: &[&str]) -> WorkloadManifest {
        let mut workload = WorkloadManifest::default();
        workload.read_arguments(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
        workload
    }

    #[test]
    fn the_ways_to_name_a_model_and_its_adapters_are_read() {
        let simulator = arguments(&[
            "--model",
            "m",
            "--max-loras",
            "2",
            "--lora-modules",
            r#"{"name": "a"}"#,
            r#"{"name": "b", "path": "p"}"#,
            "--port",
            "8000",
        ]);
        assert_eq!(simulator.model.as_deref(), Some("m"));
        assert_eq!(simulator.adapters, ["a", "b"]);
        let shell = arguments(&["/bin/sh", "-c", "vllm serve m/x --served-model-name n o --x"]);
        assert_eq!(shell.model.as_deref(), Some("m/x"));
        assert_eq!(shell.served_names, ["n", "o"]);
        let inline = arguments(&["--model=m", "--lora-modules=a=/p", "b=/q"]);
        assert_eq!((inline.model.as_deref(), inline.adapters.len()), (Some("m"), 2));
        assert_eq!(arguments(&["serve", "--model"]), WorkloadManifest::default());
    }
}
