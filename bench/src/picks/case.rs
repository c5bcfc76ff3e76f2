//! Pools to pick from, and what is asked of them.
//!
//! Invariant: a pool depends on its size and on what is asked alone. No two neighbours
//! are equal, so that no branch of a pick is always taken.

use serde::{Deserialize, Serialize};
use shared::pools::{EndpointId, Millis};
use shared::random::Random;
use shared::scheduling::{
    AdapterKey, Adapters, Health, Observation, PickRequest, Pool, Profile, Prompt, Update,
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
    /// The base model, with a prompt of 64 blocks of which the first 16 came before.
    Prompt,
    /// The same, for the adapter, for which one in ten asks.
    AdapterPrompt,
}

impl Asking {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Base, Self::Adapter, Self::Troubled, Self::Prompt, Self::AdapterPrompt];

    /// For tables and benches.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Base => "base model",
            Self::Adapter => "adapter",
            Self::Troubled => "base model, failures",
            Self::Prompt => "base model, prompt",
            Self::AdapterPrompt => "adapter, prompt",
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
    /// Hashes of the prompt's blocks; none if nothing is known of it.
    chain: Vec<u64>,
}

/// Tokens of a block.
const BLOCK: u32 = 16;

impl Case {
    /// A pool of so many endpoints, with the default profile.
    #[must_use]
    pub fn new(asking: Asking, endpoints: u16) -> Self {
        let profile = Profile::recommended();
        let mut pool = Pool::default();
        pool.update((0..endpoints).map(|n| update(n, asking)).collect());
        let asks_adapter = matches!(asking, Asking::Adapter | Asking::AdapterPrompt);
        let adapter = asks_adapter.then(|| AdapterKey::of("adapter-3"));
        for n in 0..endpoints {
            // Up to three requests on their way, which no metric shows yet.
            for k in 0..n % 4 {
                pool.start(id(n), Some(AdapterKey::of(&format!("adapter-{}", n % 10 + k))), NOW);
            }
            if asking == Asking::Troubled && n % 10 == 3 {
                pool.note_failure(id(n), NOW, profile.trouble_half_life);
            }
        }
        let mut random = Random::new(1);
        let mut chain = Vec::new();
        if matches!(asking, Asking::Prompt | Asking::AdapterPrompt) {
            chain.extend((0..64).map(|_| random.next_u64()));
            // Known conversations that begin alike, and first tokens, so that speed counts.
            for n in 0..200_u16 {
                let own = (0..48).map(|_| random.next_u64());
                let chain: Vec<_> = chain.iter().copied().take(16).chain(own).collect();
                let prompt = prompt(&chain);
                let adapter = adapter.filter(|_| n % 10 == 0);
                let request = PickRequest { adapter, prompt: Some(prompt), ..Default::default() };
                let _ = pool.pick(&request, &profile, NOW, &mut random);
                let sent = pool.start_prompt(id(n % endpoints), &prompt, adapter, NOW);
                if let Some(prefill) = sent {
                    pool.first_byte(prefill, NOW + Duration::from_millis(50));
                }
            }
        }
        Self { pool, profile, random, adapter, chain }
    }

    /// One pick; whether it named as many endpoints as it should.
    pub fn run(&mut self) -> bool {
        let prompt = (!self.chain.is_empty()).then(|| prompt(&self.chain));
        let request = PickRequest { adapter: self.adapter, prompt, ..PickRequest::default() };
        // The same moment each time: a clock would be timed too.
        let now = NOW + Duration::from_millis(100);
        let pick = self.pool.pick(&request, &self.profile, now, &mut self.random);
        pick.is_ok_and(|pick| pick.ranked().len() == self.profile.ranked)
    }
}

fn prompt(chain: &[u64]) -> Prompt<'_> {
    let blocks = u32::try_from(chain.len()).unwrap_or(u32::MAX);
    Prompt { chain, block_tokens: BLOCK, prompt_tokens: blocks.saturating_mul(BLOCK) }
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
