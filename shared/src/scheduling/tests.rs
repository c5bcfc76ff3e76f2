//! Tests of picks, by what they are about, and the pools they share.

mod choices;
mod load;
mod prompts;
mod properties;
mod reference;

use super::*;
use crate::pools::{EndpointId, Millis};
use crate::random::Random;

const NOW: Millis = Millis(1_000_000);

fn id(n: usize) -> EndpointId {
    format!("10.0.{}.{}:8000", n / 250, n % 250 + 1).parse().expect("an endpoint")
}

fn keys(names: &[&str]) -> Vec<AdapterKey> {
    names.iter().map(|name| AdapterKey::of(name)).collect()
}

fn seen(waiting: u32, kv_usage: f32, running_adapters: &[&str]) -> Observation {
    Observation {
        at: NOW,
        waiting: Some(waiting),
        running: Some(0),
        kv_usage: Some(kv_usage),
        adapters: Adapters { max: Some(2), running: keys(running_adapters), ..Adapters::default() },
        ..Observation::default()
    }
}

fn update(n: usize, observation: Option<Observation>) -> Update {
    let (others_in_flight, others_fresh, others_over) = (0, 0, 0);
    let health = Health::Ready;
    Update { id: id(n), health, observation, others_in_flight, others_fresh, others_over }
}

fn pool(observations: Vec<Observation>) -> Pool {
    let mut pool = Pool::default();
    pool.update(observations.into_iter().enumerate().map(|(n, o)| update(n, Some(o))).collect());
    pool
}

fn profile(scorers: &[(Scorer, f32)]) -> Profile {
    let scorers = scorers.iter().map(|&(scorer, weight)| Weighted { scorer, weight }).collect();
    Profile::recommended().with_scorers(scorers).expect("weights")
}

fn first(pool: &mut Pool, request: &PickRequest<'_>, profile: &Profile) -> EndpointId {
    let pick = pool.pick(request, profile, NOW, &mut Random::new(1)).expect("an endpoint");
    pool.endpoints()[pick.ranked()[0].place].id
}

fn adapter(name: &str) -> PickRequest<'static> {
    PickRequest { adapter: Some(AdapterKey::of(name)), ..PickRequest::default() }
}
