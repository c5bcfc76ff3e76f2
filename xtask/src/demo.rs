//! `cargo xtask demo`: the guides' inference gateway on this machine, in one command.
//!
//! Invariant: whatever ends this process ends everything it started: the model servers
//! run inside it, and Envoy dies with it. Rejected: a compose file; it would need a
//! container runtime to show what two programs do.

mod burst;
#[cfg(test)]
mod console;
mod conversations;
mod curl;
mod gateway;
mod judge;
mod live;
#[cfg(test)]
mod manifests;
pub(crate) mod pools;
mod ports;
pub(crate) mod requests;
mod send;
mod table;

use crate::build;
use crate::toolchain::Choice;
use anyhow::{Context, Result, bail};
use burst::Variant;
use envoy_runner::{EnvoyVersion, free_ports};
use gateway::Gateway;
use ports::Ports;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often Envoy is looked at while the demo stays up.
const WATCH: Duration = Duration::from_millis(500);

/// What `cargo xtask demo` can be told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Send the guides' requests, a burst and conversations, print what happened, and end
    #[arg(long)]
    once: bool,
    /// Print lines even where there is a terminal
    #[arg(long)]
    plain: bool,
    /// Where clients connect
    #[arg(long, default_value_t = ports::GATEWAY)]
    gateway_port: u16,
    /// Envoy's admin interface
    #[arg(long, default_value_t = ports::ADMIN)]
    admin_port: u16,
    /// The picker's status page
    #[arg(long, default_value_t = ports::STATUS)]
    status_port: u16,
    /// First of the model servers' ports; they take as many as there are servers
    #[arg(long, default_value_t = ports::SIMULATORS)]
    simulator_ports_from: u16,
    /// Fetch and run exactly this Envoy, such as 1.36.2
    #[arg(long)]
    envoy_version: Option<EnvoyVersion>,
    /// Which compiler builds the filters
    #[arg(long, value_enum, default_value_t = Choice::Auto)]
    toolchain: Choice,
}

/// Brings the gateway up, and keeps it up or sends the guides' requests and a burst.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let ports = Ports {
        gateway: arguments.gateway_port,
        admin: arguments.admin_port,
        status: arguments.status_port,
        simulators_from: arguments.simulator_ports_from,
    };
    // Before the build: who has to choose another port wants to know at once.
    ports.check()?;
    build::run(&build::Arguments { toolchain: arguments.toolchain })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        // Answers at once when nobody waits for them, at a model's pace otherwise.
        let time_scale = if arguments.once { 0.0 } else { 1.0 };
        let live = !arguments.once && !arguments.plain && live::has_terminal();
        let unpicked = if live { free_ports(1)?.into_iter().next() } else { None };
        let version = arguments.envoy_version;
        let mut gateway = Gateway::start(ports, version, time_scale, unpicked).await?;
        if arguments.once {
            let outcome = once(ports.gateway).await;
            let binary = gateway.binary().clone();
            // The burst has servers of its own, on the same ports.
            gateway.stop().await?;
            outcome?;
            burst::run(ports, &binary).await?;
            return conversations::run(ports, &binary).await;
        }
        let outcome = if let Some(unpicked) = unpicked {
            live::run(&mut gateway, ports, unpicked).await
        } else {
            println!("\n{}", curl::page(&requests::all(), ports)?);
            stay_up(&mut gateway).await
        };
        println!("\nstopping");
        let stopped = gateway.stop().await;
        outcome.and(stopped)
    })
}

/// The demo's requests, on ports that disturb no gateway of the user's.
pub(crate) fn once_on_free_ports(toolchain: Choice) -> Result<()> {
    let ports = Ports::free()?;
    run(&Arguments {
        once: true,
        plain: true,
        gateway_port: ports.gateway,
        admin_port: ports.admin,
        status_port: ports.status,
        simulator_ports_from: ports.simulators_from,
        envoy_version: None,
        toolchain,
    })
}

/// Runs `work` beside a demo of its own, on ports that disturb no gateway of the user's.
pub(crate) fn beside(work: impl FnOnce(Addresses) -> Result<()>) -> Result<()> {
    let ports = Ports::free()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let gateway = runtime.block_on(Gateway::start(ports, None, 1.0, None))?;
    let url = |port| format!("http://localhost:{port}");
    let outcome = Variant::Picker.wait_until_it_balances(ports.gateway).and_then(|()| {
        work(Addresses {
            gateway: url(ports.gateway),
            admin: ports.admin,
            status: url(ports.status) + "/status",
        })
    });
    let stopped = runtime.block_on(gateway.stop());
    outcome.and(stopped)
}

/// Where a demo answers.
pub(crate) struct Addresses {
    pub(crate) gateway: String,
    pub(crate) admin: u16,
    pub(crate) status: String,
}

/// Sends the guides' requests; an error if one went wrong.
async fn once(port: u16) -> Result<()> {
    let requests = requests::all();
    println!("\nsending the guides' {} requests\n", requests.len());
    let rows = tokio::task::spawn_blocking(move || {
        let client = send::Client::new(port);
        requests.into_iter().map(|request| (request, client.send(&request))).collect::<Vec<_>>()
    })
    .await?;
    println!("{}", table::draw(&rows));
    let wrong = judge::all(&rows);
    if wrong.is_empty() {
        println!("all {} requests went where the guides say", rows.len());
        return Ok(());
    }
    bail!("{} of {} requests went wrong:\n  {}", wrong.len(), rows.len(), wrong.join("\n  "))
}

/// Waits for Ctrl-C or SIGTERM; an error if Envoy ends first.
async fn stay_up(gateway: &mut Gateway) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            () = tokio::time::sleep(WATCH) => gateway.check()?,
        }
    }
}
