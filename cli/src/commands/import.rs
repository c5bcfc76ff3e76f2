//! `igw import`.

use super::{CommandError, arguments, files};
use crate::diagnostics::{Level, print_notices};
use crate::render::{self, Target, envoy, envoy_gateway};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  # A folder of manifests, as a configuration of plain Envoy
  igw import manifests/ --target envoy --endpoints gemma3=10.0.0.1:8000,10.0.0.2:8000 -o out

  # What is in the cluster, for Istio
  kubectl get gateway,httproute,inferencepool,configmap -o yaml | igw import - --target istio

  # A chart's values: the release's name is the pool's
  igw import vllm-deepseek-r1=values.yaml routes.yaml --target envoy-gateway";

/// What `igw import` can be told.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    manifests: arguments::Manifests,
    /// The platform
    #[arg(short, long, value_enum)]
    target: Target,
    #[command(flatten)]
    gateway: arguments::Gateway,
    /// Write into this folder instead of to standard output
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Reads, renders, writes.
pub(super) fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let intent = arguments.manifests.intent(false)?;
    let options = arguments.gateway.options(&intent)?;
    let left_out = match arguments.target {
        Target::Envoy => envoy::left_out(&intent),
        Target::EnvoyGateway => envoy_gateway::left_out(&intent),
        Target::Istio | Target::Agentgateway => Vec::new(),
    };
    print_notices(&left_out, Level::Warning);
    let rendered = render::render(arguments.target, &intent, &options)?;
    files::write(&rendered, arguments.output.as_deref())
}
