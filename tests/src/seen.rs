//! What the model servers saw.
//!
//! Invariant: tests on a shared gateway tell their requests apart by a query that no
//! other request has, and never by their place in the log.

use crate::gateway::Gateway;
use crate::shared::eventually;
use sha2::{Digest, Sha256};
use simulator::{RequestRecord, Stage};
use std::sync::atomic::{AtomicU64, Ordering};

/// A path that no other request of this process has: `/v1/x?mark=7&`.
#[must_use]
pub fn unique(path: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let sign = if path.contains('?') { '&' } else { '?' };
    format!("{path}{sign}mark={}&", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Gateway {
    /// The requests that reached a model server with this path, and that server's name.
    #[must_use]
    pub fn seen(&self, path: &str) -> Vec<(String, RequestRecord)> {
        let records = self.servers().iter().flat_map(|server| {
            let records = server.requests().into_iter();
            records.map(|record| (server.name().to_owned(), record))
        });
        records.filter(|(_, record)| record.path == path).collect()
    }

    /// Waits until a request with this path reached a model server and is at `stage`.
    pub async fn wait_for(&self, path: &str, stage: Stage) -> RequestRecord {
        let what = format!("{path} at {stage:?}");
        eventually(&what, || {
            let mut seen = self.seen(path).into_iter().map(|(_, record)| record);
            seen.find(|record| record.stage == stage)
        })
        .await
    }

    /// Waits until at least `bytes` of a request's body reached a model server.
    pub async fn wait_for_bytes(&self, path: &str, bytes: u64) -> RequestRecord {
        let what = format!("{bytes} bytes of {path}");
        eventually(&what, || {
            let mut seen = self.seen(path).into_iter().map(|(_, record)| record);
            seen.find(|record| record.body_bytes >= bytes)
        })
        .await
    }
}
