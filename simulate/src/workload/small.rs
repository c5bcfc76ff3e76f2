//! Workloads of half a minute, for the comparison with real servers.
//!
//! Made by the same code as the report's, with other lengths: answers are short, so that a
//! conversation has several turns within the time.

use super::Session;
use super::arrivals::Shape;
use super::sessions::{Builder, tokens, turns};
use crate::Micros;
use crate::chance::{Chance, Zipf, mix};

/// A small workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Small {
    /// Conversations of several turns behind one system prompt.
    Chat,
    /// Tenants with system prompts of their own, together larger than one cache.
    SharedPrefix,
    /// Adapters by Zipf's law, as many as the servers have slots for.
    Lora,
}

/// Adapters of [`Small::Lora`].
pub const SMALL_ADAPTERS: u16 = 16;

/// Tenants of [`Small::SharedPrefix`].
const TENANTS: usize = 60;

impl Small {
    /// All.
    pub const ALL: [Self; 3] = [Self::Chat, Self::SharedPrefix, Self::Lora];

    /// Its name, that of the report's workload it is made like.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "multi-turn chat",
            Self::SharedPrefix => "shared system prompts",
            Self::Lora => "LoRA mix",
        }
    }

    /// Sessions per second: round robin keeps four servers of [`crate::server::Hardware::a10_8b`]
    /// about two thirds busy.
    fn rate(self) -> f64 {
        match self {
            Self::Chat => 5.0,
            Self::SharedPrefix => 13.0,
            Self::Lora => 7.0,
        }
    }

    /// The sessions of a run; none starts after `horizon`.
    #[must_use]
    pub fn sessions(self, seed: u64, horizon: Micros) -> Vec<Session> {
        let mut chance = Chance::new(seed, 1_000 + self as u64);
        let (tenants, adapters) =
            (Zipf::new(TENANTS, 0.9), Zipf::new(usize::from(SMALL_ADAPTERS), 1.0));
        let starts = Shape::Steady.starts(self.rate(), horizon, &mut chance);
        let session = |(n, start): (usize, Micros)| {
            let content = mix(seed, n as u64 + 1_000_000);
            let mut chance = Chance::new(content, 3);
            let next = |n: u64| mix(content, n);
            match self {
                Self::Chat => {
                    let mut builder = Builder::new(0, 1, 800);
                    for n in 0..turns(&mut chance, 4.0, 7) as u64 {
                        builder.text(next(2 * n), tokens(&mut chance, 110.0, 0.6, 400.0));
                        let pause = if n == 0 { 0.0 } else { chance.exponential(1.5) };
                        builder.turn(pause, next(2 * n + 1), tokens(&mut chance, 40.0, 0.5, 100.0));
                    }
                    builder.build(start, None)
                }
                Self::SharedPrefix => {
                    let tenant = tenants.draw(&mut chance) as u64;
                    let length = Chance::new(tenant, 4).between(600.0, 1_700.0) as u32;
                    let mut builder = Builder::new(0, 1_000 + tenant, length);
                    builder.text(next(0), tokens(&mut chance, 90.0, 0.6, 300.0));
                    builder.turn(0.0, next(1), tokens(&mut chance, 30.0, 0.5, 80.0));
                    builder.build(start, None)
                }
                Self::Lora => {
                    let adapter = adapters.draw(&mut chance) as u16;
                    let mut builder = Builder::new(100 + u64::from(adapter), 1, 60);
                    builder.text(next(0), tokens(&mut chance, 150.0, 0.6, 600.0));
                    builder.turn(0.0, next(1), tokens(&mut chance, 30.0, 0.5, 80.0));
                    builder.build(start, Some(adapter))
                }
            }
        };
        starts.into_iter().enumerate().map(session).collect()
    }
}
