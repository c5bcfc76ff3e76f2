//! A ranking of endpoints that everybody computes alike: highest random weight.
//!
//! A prompt is narrowed down from its beginning on. While much of the traffic begins alike,
//! the prefix belongs to as many endpoints as its share of the traffic needs: those with the
//! highest weights for it. Where few requests begin alike any more it belongs to one of
//! these. So a system prompt that everybody sends pins nobody; a tenant's goes to some
//! endpoints; a conversation to one of its tenant's, whichever gateway its turns pass.
//!
//! Invariant: an endpoint that comes takes over its own part and moves nothing else, and
//! one that leaves gives up its own alone, because a weight depends on prefix and endpoint
//! only, the size of its cache among it.
//!
//! Rejected: a ring of points per endpoint (the same property with more memory), and a fixed
//! depth (too short pins everybody to one server, too long splits what could be shared).

/// A prefix at which the endpoints are narrowed down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level {
    /// Its hash.
    pub(super) hash: u64,
    /// The blocks for which it speaks.
    pub(super) blocks: usize,
    /// How many endpoints are left.
    pub(super) endpoints: usize,
}

/// A prefix with a share of the traffic is given twice the endpoints that would bear it if
/// all were equally busy: one whose load is above the mean has somewhere to go.
const HEADROOM: f32 = 2.0;

/// The most levels: each at least one endpoint fewer than the one before.
const MOST_LEVELS: usize = 8;

/// How many of `endpoints` a prefix with this share of the traffic gets.
pub(super) fn spread(share: f32, endpoints: usize) -> usize {
    let wanted = share.clamp(0.0, 1.0) * endpoints as f32 * HEADROOM;
    (wanted as usize).clamp(1, endpoints.max(1))
}

/// Where a chain is narrowed down, the beginning first; each `stride`th block counts.
/// `share` says how much of the traffic begins with a block's prefix.
pub(super) fn levels(
    endpoints: usize,
    chain: &[u64],
    stride: usize,
    share: &dyn Fn(u64) -> f32,
) -> impl Iterator<Item = Level> + use<> {
    let mut levels = [Level { hash: 0, blocks: 0, endpoints: 0 }; MOST_LEVELS];
    let mut count = 0_usize;
    let mut left = endpoints.saturating_add(1);
    for (n, hash) in counted(chain, stride) {
        let now = spread(share(hash), endpoints);
        if now < left && count < MOST_LEVELS {
            if let Some(level) = levels.get_mut(count) {
                *level = Level { hash, blocks: n.saturating_add(1), endpoints: now };
            }
            (left, count) = (now, count.saturating_add(1));
        } else if let Some(level) = count.checked_sub(1).and_then(|last| levels.get_mut(last)) {
            level.blocks = n.saturating_add(1);
        }
        if left == 1 {
            break;
        }
    }
    // What belongs to one endpoint does so to its end.
    if left == 1
        && let Some(level) = count.checked_sub(1).and_then(|last| levels.get_mut(last))
    {
        level.blocks = chain.len();
    }
    levels.into_iter().take(count)
}

/// The blocks at the beginning that a good part of the traffic has.
pub(super) fn popular(chain: &[u64], stride: usize, share: impl Fn(u64) -> f32) -> usize {
    const POPULAR: f32 = 0.01;
    let counted = counted(chain, stride);
    counted
        .take_while(|(_, hash)| share(*hash) > POPULAR)
        .last()
        .map_or(0, |(n, _)| n.saturating_add(1))
}

/// Each `stride`th block and its place.
pub(super) fn counted(chain: &[u64], stride: usize) -> impl Iterator<Item = (usize, u64)> {
    chain.iter().copied().enumerate().skip(stride.saturating_sub(1)).step_by(stride.max(1))
}

/// How much an endpoint wants a prefix; the highest gets it. Each gets as many as its cache
/// is large, in any unit above 0.
///
/// The logarithm makes it so: of independent chances `u` that all are spread alike, the
/// highest of `size / -ln(u)` is each one's as often as its size is in their sum (weighted
/// rendezvous hashing, Schindelhauer and Schomaker 2005).
pub(super) fn weight(hash: u64, endpoint: u64, cache: f32) -> f32 {
    cache / -chance(hash, endpoint).ln()
}

/// An endpoint's chance to get a prefix, above 0 and below 1. Among caches of one size it
/// orders endpoints as [`weight`] does, and the logarithm is a sixth of a pick by a prompt.
pub(super) fn chance(hash: u64, endpoint: u64) -> f32 {
    let mixed = crate::random::Random::new(hash ^ endpoint.rotate_left(32)).next_u64();
    ((mixed >> 41) as f32 + 0.5) / (1_u64 << 23) as f32
}
