//! A running gateway: Envoy and its model servers.
//!
//! Invariant: dropping it ends all of them, and a test that fails while it holds one
//! shows the end of Envoy's log.

use crate::answer::Answer;
use crate::call::Call;
use crate::client::{Client, Version};
use crate::modules::binary;
use crate::pools;
use crate::setup::Setup;
use envoy_runner::{Envoy, Options};
use simulator::Server;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;
use tokio::task::spawn_blocking;

/// How long Envoy may take to start: compiling the modules takes a second on an idle
/// machine, and several Envoys may start at once on a busy one.
const START: Duration = Duration::from_secs(120);
/// Lines of Envoy's log that a failing test shows.
const TAIL: usize = 60;
/// What Envoy writes when a filter's VM fails.
const TRAPS: [&str; 5] =
    ["proxy_on_", "panicked at", "RuntimeError", "Plugin configured to fail closed", "wasm failed"];

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    envoy: Envoy,
    address: SocketAddr,
    status_address: SocketAddr,
    servers: Vec<Server>,
}

impl Gateway {
    /// Starts the simulators and Envoy, and waits until it serves.
    ///
    /// # Panics
    /// Something does not start.
    pub async fn start(setup: Setup) -> Self {
        Self::start_on(setup, None).await
    }

    /// Starts another Envoy in front of this one's simulators. It has none of its own.
    ///
    /// # Panics
    /// Something does not start.
    pub async fn start_beside(&self, setup: Setup) -> Self {
        Self::start_on(setup, Some(&self.servers)).await
    }

    async fn start_on(setup: Setup, servers: Option<&[Server]>) -> Self {
        let (time_scale, change) = (setup.time_scale, setup.change);
        let mut options = Options {
            log_level: setup.log_level.to_owned(),
            concurrency: setup.workers,
            ..Options::default()
        };
        (setup.process)(&mut options);
        let (mut bootstrap, last) = (setup.bootstrap, setup.last);
        let servers = match servers {
            Some(servers) => {
                pools::join(&mut bootstrap, servers);
                Vec::new()
            }
            None => pools::start(&mut bootstrap, time_scale, change).await,
        };
        let address = |listener: usize| {
            let listener = &bootstrap.value()["static_resources"]["listeners"][listener];
            let port = listener["address"]["socket_address"]["port_value"].as_u64();
            let port = port.and_then(|port| u16::try_from(port).ok()).expect("a port");
            SocketAddr::from((Ipv4Addr::LOCALHOST, port))
        };
        let (address, status_address) = (address(0), address(1));
        last(&mut bootstrap);
        let envoy = spawn_blocking(move || {
            let mut envoy = Envoy::start(&binary(), &bootstrap, options)
                .unwrap_or_else(|error| panic!("Envoy does not start: {error:?}"));
            envoy
                .wait_ready(START)
                .unwrap_or_else(|error| panic!("Envoy does not get ready: {error}"));
            envoy
        });
        Self { envoy: envoy.await.expect("Envoy starts"), address, status_address, servers }
    }

    /// Where the gateway listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends one request to the listener of the status page.
    pub async fn send_to_status(&self, call: Call) -> Answer {
        Client::connect(self.status_address, Version::H1).await.send(call).await
    }

    /// Envoy's process.
    #[must_use]
    pub fn envoy(&self) -> &Envoy {
        &self.envoy
    }

    /// The model servers.
    #[must_use]
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The model server of this name.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn server(&self, name: &str) -> &Server {
        let server = self.servers.iter().find(|server| server.name() == name);
        server.unwrap_or_else(|| panic!("no server {name}"))
    }

    /// Takes all model servers out. Those that are dropped stop.
    #[must_use]
    pub fn take_servers(&mut self) -> Vec<Server> {
        std::mem::take(&mut self.servers)
    }

    /// Takes a model server out, to be stopped.
    ///
    /// # Panics
    /// There is none of this name.
    pub fn take_server(&mut self, name: &str) -> Server {
        let place = self.servers.iter().position(|server| server.name() == name);
        self.servers.remove(place.unwrap_or_else(|| panic!("no server {name}")))
    }

    /// A new connection to the gateway.
    pub async fn connect(&self, version: Version) -> Client {
        Client::connect(self.address, version).await
    }

    /// Sends one request over a connection of its own, by HTTP/1.1.
    pub async fn send(&self, call: Call) -> Answer {
        self.send_over(Version::H1, call).await
    }

    /// Sends one request over a connection of its own.
    pub async fn send_over(&self, version: Version, call: Call) -> Answer {
        self.connect(version).await.send(call).await
    }

    /// No filter trapped, and Envoy lives.
    ///
    /// # Panics
    /// One did.
    pub fn check(&self) {
        let log = self.envoy.log();
        let trapped = log.lines().find(|line| TRAPS.iter().any(|trap| line.contains(trap)));
        if let Some(line) = trapped {
            self.show_log();
            panic!("a filter trapped: {line}");
        }
        let live = self.envoy.admin_get("/ready");
        assert!(live.is_ok(), "Envoy is gone: {live:?}");
    }

    /// Writes the end of Envoy's log where the test's output goes.
    pub fn show_log(&self) {
        let log = self.envoy.log();
        // Envoy begins with pages about what is compiled in.
        let start_up = |line: &&str| line.contains("source/server/server.cc:");
        let lines: Vec<&str> = log.lines().filter(|line| !start_up(line)).collect();
        let skip = lines.len().saturating_sub(TAIL);
        eprintln!("--- the last lines of Envoy's log:");
        for line in &lines[skip..] {
            eprintln!("{line}");
        }
        eprintln!("--- end of Envoy's log");
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if thread::panicking() {
            self.show_log();
        }
    }
}
