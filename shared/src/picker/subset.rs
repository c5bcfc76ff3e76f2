//! Subset hints: the only endpoints a request may go to.

use crate::pools::EndpointId;

/// Reads a hint, `ip:port[,ip:port…]`. An empty one is an empty list: nothing is
/// allowed. Entries that are no endpoints match nothing.
#[must_use]
pub fn parse_subset(hint: &[u8]) -> Vec<EndpointId> {
    hint.split(|byte| *byte == b',')
        .filter_map(|entry| str::from_utf8(entry).ok()?.parse().ok())
        .collect()
}
