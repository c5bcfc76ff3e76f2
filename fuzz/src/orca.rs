//! The load report in a response header.
//!
//! Claim: whatever a server sends, the numbers taken over can be used as they are.

use shared::server_metrics::orca;

/// Panics if the bytes show a bug.
pub fn check(header: &[u8]) {
    let Some(metrics) = orca::read(header) else { return };
    assert!(!metrics.is_empty());
    assert!(header.len() <= orca::MAX_REPORT_BYTES);
    assert!(metrics.kv_usage.is_none_or(|usage| (0.0..=1.0).contains(&usage)), "{metrics:?}");
    assert!(metrics.adapters.is_none());
}
