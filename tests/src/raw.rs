//! A plain TCP connection, for bytes that no HTTP library would send.

use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection whose every byte the test writes itself.
pub struct Raw {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Raw {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the gateway listens");
        // Each write is a packet.
        stream.set_nodelay(true).expect("a socket option");
        Self { stream, read: Vec::new() }
    }

    /// Writes. An error is kept for the reader: the gateway may have answered and closed.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        self.stream.flush().await
    }

    /// Writes one byte at a time.
    pub async fn write_bytewise(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        for byte in bytes.as_ref() {
            self.write([*byte]).await?;
            // So that the gateway reads them apart, most of the time.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Reads until `end` came; returns all up to and with it.
    ///
    /// # Panics
    /// The connection ends before.
    pub async fn read_until(&mut self, end: &str) -> String {
        loop {
            let found = self.read.windows(end.len()).position(|w| w == end.as_bytes());
            if let Some(at) = found {
                let rest = self.read.split_off(at + end.len());
                let head = std::mem::replace(&mut self.read, rest);
                return String::from_utf8_lossy(&head).into_owned();
            }
            let count = self.stream.read_buf(&mut self.read).await.unwrap_or(0);
            let so_far = String::from_utf8_lossy(&self.read);
            assert!(count > 0, "the connection ended before {end:?}: {so_far}");
        }
    }

    /// Reads until the gateway closes; what came before an error counts.
    pub async fn read_to_end(&mut self) -> String {
        while let Ok(count) = self.stream.read_buf(&mut self.read).await {
            if count == 0 {
                break;
            }
        }
        String::from_utf8_lossy(&self.read).into_owned()
    }

    /// Closes the connection by a reset: unread and unsent data are thrown away.
    pub fn reset(self) {
        self.stream.set_zero_linger().expect("a socket option");
    }
}
