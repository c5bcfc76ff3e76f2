//! Loopback ports for servers that are started a moment later.
//!
//! Invariant: a port is handed out once per process (until the range is used up),
//! was free when handed out, and is not handed out by another process that uses
//! this crate on this machine as the same user.
//!
//! Rejected: binding port 0 and releasing it. That takes the port from the range
//! the kernel also gives to outgoing connections, so one of the test's own clients
//! can sit on it before the server binds. Instead, blocks of ports below that range
//! are claimed with file locks, which end with the process.

use crate::lock::FileLock;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};
use std::{env, io};

/// Linux gives outgoing connections 32768 and above, macOS 49152 and above.
const FIRST: u16 = 20_000;
/// Ports per lock file: few open files, and enough for one test's servers.
const BLOCK: u16 = 32;
const BLOCKS: u16 = (32_000 - FIRST) / BLOCK;

/// Why no ports could be found.
#[derive(Debug, thiserror::Error)]
pub enum PortsError {
    /// Every port of the range is taken.
    #[error("found only {found} of {wanted} free loopback ports from {FIRST} up")]
    TooFew {
        /// How many were asked for.
        wanted: usize,
        /// How many there were.
        found: usize,
    },
    /// The lock file of a block could not be used.
    #[error("cannot lock a block of ports under the folder for temporary files")]
    Lock(#[source] io::Error),
}

#[derive(Default)]
struct Claims {
    /// The blocks this process holds; never given back before it ends.
    blocks: Vec<(u16, FileLock)>,
    /// The next port to try, counted through `blocks` in order.
    next: usize,
}

static CLAIMS: Mutex<Claims> = Mutex::new(Claims { blocks: Vec::new(), next: 0 });

/// `n` different loopback TCP ports that are free now.
///
/// # Errors
/// The range is used up, or the folder for temporary files is not writable.
pub fn free_ports(n: usize) -> Result<Vec<u16>, PortsError> {
    let mut claims = CLAIMS.lock().unwrap_or_else(PoisonError::into_inner);
    // Each port stays bound until all are chosen, so that none is chosen twice.
    let mut bound: Vec<(u16, TcpListener)> = Vec::with_capacity(n);
    let mut wrapped = false;
    while bound.len() < n {
        let Some(port) = claims.next_port()? else {
            // Everything was handed out once; servers of earlier tests are gone.
            if wrapped || claims.blocks.is_empty() {
                return Err(PortsError::TooFew { wanted: n, found: bound.len() });
            }
            wrapped = true;
            claims.next = 0;
            continue;
        };
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            bound.push((port, listener));
        }
    }
    Ok(bound.into_iter().map(|(port, _)| port).collect())
}

impl Claims {
    fn next_port(&mut self) -> Result<Option<u16>, PortsError> {
        let block = self.next / usize::from(BLOCK);
        if block >= self.blocks.len() && !self.claim_block()? {
            return Ok(None);
        }
        let offset = u16::try_from(self.next % usize::from(BLOCK)).unwrap_or(0);
        self.next += 1;
        Ok(self.blocks.get(block).map(|(first, _)| first + offset))
    }

    fn claim_block(&mut self) -> Result<bool, PortsError> {
        let user = nix::unistd::getuid();
        let folder = env::temp_dir().join(format!("igw-ports-{user}"));
        // Random, so that processes started together do not all try the same ones.
        let start = rand::random_range(0..BLOCKS);
        for step in 0..BLOCKS {
            let first = FIRST + (start + step) % BLOCKS * BLOCK;
            let lock = FileLock::try_take(&folder.join(first.to_string()));
            if let Some(lock) = lock.map_err(PortsError::Lock)? {
                self.blocks.push((first, lock));
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::thread;

    #[test]
    fn threads_never_get_the_same_port() {
        let workers: Vec<_> = (0..8).map(|_| thread::spawn(|| free_ports(20).unwrap())).collect();
        let all: Vec<u16> = workers.into_iter().flat_map(|w| w.join().unwrap()).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 160);
    }

    #[test]
    fn a_port_in_use_is_not_handed_out() {
        let port = free_ports(1).unwrap()[0];
        let _server = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(!free_ports(40).unwrap().contains(&port));
    }
}
