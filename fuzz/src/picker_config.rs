//! The configuration of the picker filter.
//!
//! Claims: an error names a field. In an accepted configuration every pool is found by
//! its cluster, its lists name pools that exist, and what bounds work is not zero.

use shared::picker::{EndpointSource, Settings};

use crate::accepted;

/// Panics if the bytes show a bug.
pub fn check(json: &[u8]) {
    let Some(settings) = accepted(Settings::from_json(json)) else { return };
    assert!(settings.scrape.concurrency > 0 && !settings.scrape.interval.is_zero());
    for (place, pool) in settings.pools.iter().enumerate() {
        assert_eq!(settings.pool_of(&pool.cluster).map(|(place, _)| place), Some(place));
        assert!(pool.retry_pools.iter().all(|other| *other < settings.pools.len()));
        assert!(!pool.retry_pools.contains(&place));
        assert!(pool.profile.ranked > 0);
        if let EndpointSource::Listed(endpoints) = &pool.endpoints {
            assert!(endpoints.is_sorted_by(|a, b| a < b), "{endpoints:?}");
        }
    }
}
