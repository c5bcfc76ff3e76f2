//! A stretch of road between the picker and Envoy's admin interface, which can be slow or
//! gone.
//!
//! Rejected: making the admin interface itself slow. The harness reads its metrics there.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// What becomes of connections to the admin interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Road {
    /// They lead there.
    Open,
    /// They are taken, and nothing ever comes back.
    Silent,
    /// They are refused, and those that are open end.
    Closed,
}

/// The road.
pub(crate) struct Admin {
    port: u16,
    road: watch::Sender<Road>,
    target: watch::Sender<Option<SocketAddr>>,
    answers: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Admin {
    /// Opens it; it leads nowhere yet.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (road, roads) = watch::channel(Road::Open);
        let (target, targets) = watch::channel(None);
        let answers = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(accept(listener, port, roads, targets, Arc::clone(&answers)));
        Self { port, road, target, answers, task }
    }

    /// Where the picker finds it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it leads.
    pub fn lead_to(&self, address: SocketAddr) {
        self.target.send_replace(Some(address));
    }

    /// Changes it, for open connections too.
    pub fn set(&self, road: Road) {
        self.road.send_replace(road);
    }

    /// How many pieces of answers came over it.
    pub fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    mut listener: TcpListener,
    port: u16,
    mut roads: watch::Receiver<Road>,
    targets: watch::Receiver<Option<SocketAddr>>,
    answers: Arc<AtomicU64>,
) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let (roads, targets) = (roads.clone(), targets.clone());
                open.spawn(carry(stream, roads, targets, Arc::clone(&answers)));
            }
            Some(_) = open.join_next() => {}
            changed = roads.changed() => {
                if changed.is_err() {
                    return;
                }
                if *roads.borrow_and_update() == Road::Closed {
                    drop(listener);
                    open.shutdown().await;
                    // An error is the end of the road.
                    if roads.wait_for(|road| *road != Road::Closed).await.is_err() {
                        return;
                    }
                    let again = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
                    listener = again.expect("the port is still ours");
                }
            }
        }
    }
}

/// Carries one connection's bytes. An error is one side's end.
async fn carry(
    mut near: TcpStream,
    mut roads: watch::Receiver<Road>,
    mut targets: watch::Receiver<Option<SocketAddr>>,
    answers: Arc<AtomicU64>,
) -> std::io::Result<()> {
    let target = targets.wait_for(Option::is_some).await.map_or(None, |target| *target);
    let mut far = TcpStream::connect(target.ok_or(std::io::ErrorKind::NotFound)?).await?;
    let (mut up, mut down) = (vec![0; 16 << 10], vec![0; 16 << 10]);
    loop {
        let open = roads.wait_for(|road| *road == Road::Open).await;
        drop(open.map_err(std::io::Error::other)?);
        tokio::select! {
            _ = roads.changed() => {}
            read = near.read(&mut up) => match read? {
                0 => return Ok(()),
                count => far.write_all(&up[..count]).await?,
            },
            read = far.read(&mut down) => match read? {
                0 => return Ok(()),
                count => {
                    answers.fetch_add(1, Ordering::Relaxed);
                    near.write_all(&down[..count]).await?;
                }
            },
        }
    }
}
