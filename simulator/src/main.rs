//! `model-server-simulator`: one or several simulated servers in one process.

mod cli;

use clap::Parser;
use simulator::{Server, StartError};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match run(&cli::Flags::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("model-server-simulator: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: &cli::Flags) -> Result<(), StartError> {
    let mut servers = Vec::new();
    for config in flags.configs() {
        let models: Vec<&str> = config.served_names().collect();
        let adapters: Vec<&str> = config.adapters.iter().map(|a| a.name.as_str()).collect();
        let mut line = format!("serves {}", models.join(", "));
        if !adapters.is_empty() {
            line = format!("{line} with adapters {}", adapters.join(", "));
        }
        let server = Server::start(config).await?;
        println!("{} on http://{} {line}", server.name(), server.addr());
        servers.push(server);
    }
    wait_for_signal().await;
    for server in servers {
        server.stop().await;
    }
    Ok(())
}

/// Ctrl-C or SIGTERM; if neither can be waited for, the process runs until killed.
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
