//! Who may be picked, and what they have in common: the first part of a pick.
//!
//! Invariant: columns, one value of all candidates after the other, so that four are read at
//! once. While all metrics are fresh, which is nearly always, and all endpoints are allowed,
//! they are copied; nothing is decided for any one.
//!
//! Rejected: candidates kept from pick to pick. Each pick moves the range that loads are
//! compared by, and with it every score.

use super::float::sum;
use super::pick::PickRequest;
use super::pool::Pool;
use super::prefix::Residence;
use super::profile::Profile;
use super::row::Row;
use super::rows::{Ready, Rows};
use super::scorer::{Context, Range};
use crate::ordered;
use crate::pools::{EndpointId, Millis};

/// The endpoints that may be picked, while their scores are made. All columns have one length.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// Their places in the pool, in its order.
    pub(super) places: Vec<usize>,
    /// How far their metrics can be trusted, 0 to 1.
    pub(super) trust: Vec<f32>,
    /// The expected loads.
    pub(super) load: Vec<f32>,
    saturation: Vec<f32>,
    /// The KV caches' scores.
    pub(super) kv_score: Vec<f32>,
    /// Whether the request's adapter is there; empty until somebody wants to know.
    pub(super) adapter: Vec<Residence>,
    /// The sums of weight times score, as far as they are made.
    pub(super) score: Vec<f32>,
}

impl Candidates {
    /// None; their memory stays.
    fn clear(&mut self) {
        let Self { places, trust, load, saturation, kv_score, adapter, score } = self;
        places.clear();
        adapter.clear();
        for column in [trust, load, saturation, kv_score, score] {
            column.clear();
        }
    }

    /// Fills the columns of all that are ready, in full trust.
    fn copy(&mut self, ready: &Ready) {
        self.load.extend_from_slice(&ready.load);
        self.saturation.extend_from_slice(&ready.saturation);
        self.kv_score.extend_from_slice(&ready.kv_score);
        self.trust.resize(self.places.len(), 1.0);
    }

    /// Fills the columns; `trust` says how far an endpoint's metrics can be trusted.
    fn look(&mut self, rows: &Rows, trust: impl Fn(&Row) -> f32) {
        let Self { places, trust: trusts, load, saturation, kv_score, .. } = self;
        // Not pushed one by one: that is a quarter of the time of it all.
        for column in [&mut *trusts, load, saturation, kv_score] {
            column.resize(places.len(), 0.0);
        }
        let columns = trusts.iter_mut().zip(load).zip(saturation).zip(kv_score);
        let rows = places.iter().filter_map(|place| rows.get(*place));
        for (row, (((trusted, load), saturation), kv_score)) in rows.zip(columns) {
            let trust = trust(row);
            *trusted = trust;
            *load = row.load(trust);
            *saturation = row.saturation(trust);
            *kv_score = row.kv_score;
        }
    }
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
        candidates: &mut Candidates,
        request: &PickRequest<'_>,
        profile: &Profile,
        now: Millis,
    ) -> Field {
        let fading = profile.staleness.fading();
        let trust = |row: &Row| fading.trust(row.seen_at, now);
        let ready = self.rows.ready();
        candidates.clear();
        let mut allowed = true;
        match request.subset {
            None => {
                candidates.places.extend_from_slice(&ready.places);
                // Nearly always; then no endpoint's age has to be looked at.
                if fading.trust(self.oldest, now) >= 1.0 {
                    candidates.copy(ready);
                } else {
                    candidates.look(&self.rows, trust);
                }
            }
            Some(subset) => {
                let named = self.places(subset);
                allowed = !named.is_empty();
                let is_ready = |place: &usize| self.rows.get(*place).is_some_and(|row| row.ready);
                candidates.places.extend(named.into_iter().filter(is_ready));
                candidates.look(&self.rows, trust);
            }
        }
        let Candidates { places, trust, load, saturation, score, .. } = candidates;
        score.resize(places.len(), 0.0);
        let trusted = trust.iter().any(|trust| *trust > 0.0);
        let saturation = sum(saturation) / places.len() as f32;
        let (mut waiting, mut running) = (Range::EMPTY, Range::EMPTY);
        if profile.compares_requests() {
            for row in places.iter().filter_map(|place| self.rows.get(*place)) {
                waiting.add(row.waiting);
                running.add(row.running);
            }
        }
        let PickRequest { adapter, session, .. } = *request;
        let adapter_memory = profile.adapter_memory;
        let load = Range::of(load);
        let context = Context { now, adapter, session, adapter_memory, waiting, running, load };
        Field { context, allowed, trusted, troubled: ready.troubled, saturation }
    }

    /// Where those of a subset stand that are in the pool, in their order. A client may have
    /// named one twice.
    pub(super) fn places(&self, subset: &[EndpointId]) -> Vec<usize> {
        ordered(subset.iter().filter_map(|id| self.place(*id)), |place| *place)
    }
}
