//! Pools to pick from, and what is asked of them.
//!
//! Invariant: a pool depends on its size and on what is asked alone. No two neighbours
//! are equal, so that no branch of a pick is always taken.

use serde::{Deserialize, Serialize};
use shared::pools::{EndpointId, Millis};
use shared::random::Random;
use shared::scheduling::{
    AdapterKey, Adapters, Health, Observation, PickRequest, Pool, Profile, Update,
};
use std::net::SocketAddr;
use std::time::Duration;

/// How many endpoints the pools have.
pub const POOLS: [u16; 3] = [10, 100, 1_000];

/// When the picks happen.
const NOW: Millis = Millis(1_795_226_126_000);

/// What requests ask for, and how the pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asking {
    /// The base model.
    Base,
    /// A LoRA adapter that one of ten endpoints runs.
    Adapter,
    /// The base model, while metrics fade and one of ten endpoints has failed lately.
    Troubled,
}

impl Asking {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Base, Self::Adapter, Self::Troubled];

    /// For tables and benches.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Base => "base model",
            Self::Adapter => "adapter",
            Self::Troubled => "base model, failures",
        }
    }
}

/// A pool and what is asked of it.
#[derive(Debug)]
pub struct Case {
    pool: Pool,
    profile: Profile,
    random: Random,
    adapter: Option<AdapterKey>,
}

impl Case {
    /// A pool of so many endpoints, with the default profile.
    #[must_use]
    pub fn new(asking: Asking, endpoints: u16) -> Self {
        let profile = Profile::recommended();
        let mut pool = Pool::default();
        pool.update((0..endpoints).map(|n| update(n, asking)).collect());
        let adapter = (asking == Asking::Adapter).then(|| AdapterKey::of("adapter-3"));
        for n in 0..endpoints {
            // Up to three requests on their way, which no metric shows yet.
            for k in 0..n % 4 {
                pool.start(id(n), Some(AdapterKey::of(&format!("adapter-{}", n % 10 + k))), NOW);
            }
            if asking == Asking::Troubled && n % 10 == 3 {
                pool.note_failure(id(n), NOW, profile.trouble_half_life);
            }
        }
        Self { pool, profile, random: Random::new(1), adapter }
    }

    /// One pick; whether it named as many endpoints as it should.
    pub fn run(&mut self) -> bool {
        let request = PickRequest { adapter: self.adapter, ..PickRequest::default() };
        // The same moment each time: a clock would be timed too.
        let now = NOW + Duration::from_millis(100);
        let pick = self.pool.pick(&request, &self.profile, now, &mut self.random);
        pick.is_ok_and(|pick| pick.ranked().len() == self.profile.ranked)
    }
}

fn id(n: u16) -> EndpointId {
    let [high, low] = n.to_be_bytes();
    SocketAddr::from(([10, 0, high, low], 8000)).into()
}

fn update(n: u16, asking: Asking) -> Update {
    let adapters = [n % 10, n % 7 + 10].map(|a| AdapterKey::of(&format!("adapter-{a}")));
    let late = if asking == Asking::Troubled { 1_500 } else { 0 };
    let observation = Observation {
        at: Millis(NOW.0 - u64::from(n % 100) - late),
        waiting: Some((u32::from(n) * 7) % 5),
        running: Some((u32::from(n) * 13) % 40),
        kv_usage: Some(f32::from(n % 89) / 100.0),
        adapters: Adapters { max: Some(4), running: adapters.to_vec(), ..Adapters::default() },
        ..Observation::default()
    };
    Update {
        id: id(n),
        health: Health::Ready,
        observation: Some(observation),
        others_in_flight: u32::from(n % 3),
        others_fresh: u32::from(n % 2),
        others_over: u32::from(n % 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_picked_from_by_scores() {
        for asking in Asking::ALL {
            for endpoints in POOLS {
                let mut case = Case::new(asking, endpoints);
                assert!(case.run(), "{asking:?} among {endpoints}");
                assert_eq!(case.pool.endpoints().len(), usize::from(endpoints));
            }
        }
    }
}
