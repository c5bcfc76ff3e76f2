//! The rows of a pool's endpoints, and what every pick reads of those that are ready once more
//! in columns.
//!
//! Invariant: the columns say what the rows say. An endpoint's health changes with a snapshot
//! alone, and a snapshot writes all rows anew; so who is ready need not be looked at in between.
//!
//! Rejected: rows alone. Most picks want two numbers of each endpoint; taken from rows, each
//! is a load of its own out of several times as much memory, where columns give four at once.

use super::endpoint::Endpoint;
use super::row::Row;

/// All endpoints' rows, in the order of the pool.
#[derive(Debug, Default)]
pub(super) struct Rows {
    all: Vec<Row>,
    ready: Ready,
}

/// The columns: of each endpoint that is ready, in the order of the pool.
#[derive(Debug, Default)]
pub(super) struct Ready {
    /// Where it stands in the pool.
    pub(super) places: Vec<usize>,
    /// [`Row::load`] by metrics that are trusted.
    pub(super) load: Vec<f32>,
    /// [`Row::saturation`] by metrics that are trusted.
    pub(super) saturation: Vec<f32>,
    /// [`Row::kv_score`].
    pub(super) kv_score: Vec<f32>,
    /// Whether any of them may have failed lately.
    pub(super) troubled: bool,
}

impl Rows {
    /// Writes all anew.
    pub(super) fn set_all(&mut self, endpoints: &[Endpoint]) {
        let Self { all, ready } = self;
        all.clear();
        all.extend(endpoints.iter().map(Row::of));
        let Ready { places, load, saturation, kv_score, troubled } = ready;
        let are_ready = || all.iter().filter(|row| row.ready);
        places.clear();
        let numbered = all.iter().enumerate();
        places.extend(numbered.filter(|(_, row)| row.ready).map(|(place, _)| place));
        load.clear();
        load.extend(are_ready().map(|row| row.load(1.0)));
        saturation.clear();
        saturation.extend(are_ready().map(|row| row.saturation(1.0)));
        kv_score.clear();
        kv_score.extend(are_ready().map(|row| row.kv_score));
        *troubled = are_ready().any(|row| row.troubled);
    }

    /// Writes one anew.
    pub(super) fn set(&mut self, place: usize, endpoint: &Endpoint) {
        let Some(row) = self.all.get_mut(place) else { return };
        *row = Row::of(endpoint);
        let Ready { places, load, saturation, kv_score, troubled } = &mut self.ready;
        // While all are ready it stands where it does in the pool.
        let column = if places.get(place) == Some(&place) {
            place
        } else {
            let Ok(found) = places.binary_search(&place) else { return };
            found
        };
        for (values, value) in
            [(load, row.load(1.0)), (saturation, row.saturation(1.0)), (kv_score, row.kv_score)]
        {
            values.get_mut(column).into_iter().for_each(|old| *old = value);
        }
        *troubled |= row.troubled;
    }

    pub(super) fn get(&self, place: usize) -> Option<&Row> {
        self.all.get(place)
    }

    /// Those of endpoints that are ready.
    pub(super) fn are_ready(&self) -> impl Iterator<Item = &Row> {
        self.all.iter().filter(|row| row.ready)
    }

    pub(super) fn ready(&self) -> &Ready {
        &self.ready
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::pools::{EndpointId, Millis};
    use crate::scheduling::{AdapterKey, Health, Observation, Pool, Reported, Update};

    fn id(n: u16) -> EndpointId {
        EndpointId::from(std::net::SocketAddr::from(([10, 0, 0, 1], 8000 + n)))
    }

    fn update(n: u16, health: Health, observation: Option<Observation>) -> Update {
        let (others_in_flight, others_fresh) = (2, 1);
        Update { id: id(n), health, observation, others_in_flight, others_fresh, others_over: 0 }
    }

    fn row(pool: &Pool, place: usize) -> &Row {
        pool.rows.get(place).expect("there")
    }

    /// Compared as text: NaN is not equal to itself.
    #[track_caller]
    fn assert_rows_are_those_of_the_endpoints(pool: &Pool) {
        let mut expected = Rows::default();
        expected.set_all(pool.endpoints());
        assert_eq!(format!("{:?}", pool.rows), format!("{expected:?}"));
        if let Some(oldest) = pool.oldest {
            assert!(pool.rows.are_ready().all(|row| row.seen_at >= Some(oldest)));
        }
    }

    #[test]
    fn rows_and_columns_follow_every_change_of_their_endpoint() {
        for between in [Health::Ready, Health::Unhealthy] {
            let mut pool = Pool::default();
            let seen = Observation { waiting: Some(1), ..Observation::default() };
            pool.update(vec![
                update(3, Health::Ready, Some(seen)),
                update(1, Health::Ready, None),
                update(2, between, None),
            ]);
            assert_rows_are_those_of_the_endpoints(&pool);
            let started = pool.start(id(3), Some(AdapterKey::of("a")), Millis(9)).expect("known");
            assert_rows_are_those_of_the_endpoints(&pool);
            assert!(row(&pool, 2).may_have(AdapterKey::of("a")) && !row(&pool, 2).troubled);
            pool.note_failure(id(3), Millis(9), Duration::from_secs(10));
            assert_rows_are_those_of_the_endpoints(&pool);
            assert!(row(&pool, 2).troubled);
            let report = Reported { at: Millis(10), waiting: None, kv_usage: Some(0.75) };
            pool.report(id(1), report, Millis(10));
            assert_rows_are_those_of_the_endpoints(&pool);
            assert_eq!((row(&pool, 0).kv_score, row(&pool, 0).seen_at), (0.25, Some(Millis(10))));
            pool.end(started, Millis(11));
            assert_rows_are_those_of_the_endpoints(&pool);
            pool.update(vec![update(2, between, None), update(0, Health::Ready, None)]);
            assert_rows_are_those_of_the_endpoints(&pool);
        }
    }
}
