//! The listening server: HTTP/1.1 and HTTP/2 without TLS on one port.
//!
//! Invariant: when [`Server::stop`] returned, its port is free and no task of it
//! lives on. Dropping a [`Server`] does the same without grace, as soon as the
//! runtime gets to it.

use crate::config::{Config, ConfigError};
use crate::engine::Load;
use crate::faults::Faults;
use crate::http::{App, serve};
use crate::requests::RequestRecord;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// How long [`Server::stop`] waits for answers in progress; one that hangs or
/// streams for long is cut off then.
const STOP_GRACE: Duration = Duration::from_millis(500);
/// Pause after an error of `accept` (too many open files, mostly), so that the
/// loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// Streams at once on an HTTP/2 connection; a gateway may put all its load on one.
const MAX_STREAMS: u32 = 10_000;
/// Bytes of HTTP/2 headers, and number of HTTP/1 headers: above what gateways
/// let through, so that the gateway's limit is the one a test meets.
const MAX_HEADER_BYTES: u32 = 256 * 1024;
const MAX_HEADERS: usize = 512;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration makes no sense.
    #[error("configuration of {name:?}: {source}")]
    Config {
        /// The server's name.
        name: String,
        /// What is wrong.
        source: ConfigError,
    },
    /// Someone else listens there.
    #[error("{0} is in use by another process")]
    PortBusy(SocketAddr),
    /// Listening failed otherwise.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

/// A running simulated model server; it stops when dropped.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    address: SocketAddr,
    stopping: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server on the current tokio runtime; it accepts connections
    /// when this returns.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        config
            .check()
            .map_err(|source| StartError::Config { name: config.name.clone(), source })?;
        let address = config.listen;
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => StartError::PortBusy(address),
            _ => StartError::Listen { address, source },
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let app = Arc::new(App::new(config));
        let (stopping, stop) = watch::channel(false);
        let task = tokio::spawn(accept(listener, Arc::clone(&app), stop));
        Ok(Self { app, address, stopping, task: Some(task) })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Its name, the value of `x-inference-pod`.
    pub fn name(&self) -> &str {
        &self.app.config.name
    }

    /// What it was started with.
    pub fn config(&self) -> &Config {
        &self.app.config
    }

    /// Its faults, to be switched on and off.
    pub fn faults(&self) -> Faults {
        self.app.faults.clone()
    }

    /// The last 1000 requests it saw, oldest first.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.app.log.snapshot()
    }

    /// Forgets the requests it saw.
    pub fn forget_requests(&self) {
        self.app.log.clear();
    }

    /// Its load at this moment.
    pub fn load(&self) -> Load {
        self.app.driver.with_engine(|engine| engine.load())
    }

    /// Stops listening, lets answers in progress end for half a second, and
    /// cuts off the rest.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        if let Some(task) = self.task.take() {
            // The task ends by itself; an error would be its panic.
            let _ = task.await;
        }
    }

    /// Ends it as a killed process ends: its port is free when this returns, and answers
    /// in progress break off as soon as the runtime gets to them. What it saw can still
    /// be read.
    pub async fn kill(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            // An error is the abort.
            let _ = task.await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn accept(listener: TcpListener, app: Arc<App>, stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stopped(stop.clone()) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&app), stop.clone()));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(STOP_GRACE, all).await;
    connections.shutdown().await;
}

/// Returns when the server is to stop.
async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the server is gone, which is a stop too.
    let _ = stop.wait_for(|stopping| *stopping).await;
}

async fn connection(stream: TcpStream, app: Arc<App>, stop: watch::Receiver<bool>) {
    // Small writes (tokens) must leave at once; without it they only are later.
    let _ = stream.set_nodelay(true);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).max_headers(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_BYTES);
    let service = service_fn(move |request| serve(Arc::clone(&app), request));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // Errors here are clients that left or broke the protocol: their business.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stopped(stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
