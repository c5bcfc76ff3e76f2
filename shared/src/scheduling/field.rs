//! Who may be picked, and what they have in common: the first pass of a pick.
//!
//! Invariant: one pass over the rows, which decides as little as it can for each: at 1,000
//! endpoints this is most of a pick. While all metrics are fresh, which is nearly always, no
//! endpoint's age is looked at, and the pass takes a third less.
//!
//! Rejected: candidates kept from pick to pick. Each pick moves the range that loads are
//! compared by, and with it every score.

use super::pick::PickRequest;
use super::pool::Pool;
use super::profile::Profile;
use super::row::Row;
use super::scorer::{Context, Range};
use crate::ordered;
use crate::pools::{EndpointId, Millis};

/// An endpoint that may be picked, while its score is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    /// Its place in the pool.
    pub(super) place: usize,
    /// How far its metrics can be trusted, 0 to 1.
    pub(super) trust: f32,
    /// The expected load.
    pub(super) load: f32,
    /// The sum of weight times score, as far as it is made.
    pub(super) score: f32,
}

impl Candidate {
    const NONE: Self = Self { place: 0, trust: 0.0, load: 0.0, score: 0.0 };
}

/// What the candidates of one pick have in common.
pub(super) struct Field {
    pub(super) context: Context,
    /// Whether the request's subset has any endpoint.
    pub(super) allowed: bool,
    /// Whether any candidate's metrics count.
    pub(super) trusted: bool,
    /// Whether any candidate failed lately.
    pub(super) troubled: bool,
    /// The candidates' mean.
    pub(super) saturation: f32,
}

impl Pool {
    /// Finds the candidates, and what they have in common.
    pub(super) fn gather(
        &self,
        candidates: &mut Vec<Candidate>,
        request: &PickRequest<'_>,
        profile: &Profile,
        now: Millis,
    ) -> Field {
        let rows = self.rows.as_slice();
        let fading = profile.staleness.fading();
        let trust = |row: &Row| fading.trust(row.seen_at, now);
        match request.subset {
            // Nearly always; then no endpoint's age has to be looked at.
            None if fading.trust(self.oldest, now) >= 1.0 => {
                gather(rows.iter().enumerate(), |_| 1.0, candidates, request, profile, now)
            }
            None => gather(rows.iter().enumerate(), trust, candidates, request, profile, now),
            Some(subset) => {
                let named = self.places(subset).into_iter();
                let named: Vec<_> = named.filter_map(|n| Some((n, rows.get(n)?))).collect();
                gather(named.into_iter(), trust, candidates, request, profile, now)
            }
        }
    }

    /// Where those of a subset stand that are in the pool, in their order. A client may have
    /// named one twice.
    pub(super) fn places(&self, subset: &[EndpointId]) -> Vec<usize> {
        ordered(subset.iter().filter_map(|id| self.place(*id)), |place| *place)
    }
}

/// Those of the rows that may be picked, and what they have in common. `trust` says how far
/// an endpoint's metrics can be trusted.
fn gather<'a>(
    rows: impl ExactSizeIterator<Item = (usize, &'a Row)>,
    trust: impl Fn(&Row) -> f32,
    candidates: &mut Vec<Candidate>,
    request: &PickRequest<'_>,
    profile: &Profile,
    now: Millis,
) -> Field {
    // Not pushed one by one: that is a quarter of the time of it all.
    candidates.resize(rows.len(), Candidate::NONE);
    let mut free = candidates.iter_mut();
    let compares = profile.compares_requests();
    let (mut waiting, mut running, mut load) = (Range::EMPTY, Range::EMPTY, Range::EMPTY);
    let (mut allowed, mut trusted, mut troubled, mut saturation) = (false, false, false, 0.0);
    for (place, row) in rows {
        allowed = true;
        if !row.ready {
            continue;
        }
        let trust = trust(row);
        let expected = row.load(trust);
        trusted |= trust > 0.0;
        troubled |= row.troubled;
        saturation += row.saturation(trust);
        load.add(expected);
        if compares {
            waiting.add(row.waiting);
            running.add(row.running);
        }
        if let Some(candidate) = free.next() {
            *candidate = Candidate { place, trust, load: expected, score: 0.0 };
        }
    }
    let unused = free.len();
    candidates.truncate(candidates.len().saturating_sub(unused));
    let PickRequest { adapter, session, .. } = *request;
    let adapter_memory = profile.adapter_memory;
    let context = Context { now, adapter, session, adapter_memory, waiting, running, load };
    let saturation = saturation / candidates.len() as f32;
    Field { context, allowed, trusted, troubled, saturation }
}
