//! The workloads of the report.

use super::arrivals::Shape;
use super::sessions::{Builder, tokens, turns};
use super::{Session, read_azure, read_mooncake};
use crate::Micros;
use crate::chance::{Chance, Zipf, mix};

/// A workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// Conversations of several turns behind one system prompt.
    Chat,
    /// Tenants with system prompts of their own, together larger than one cache.
    SharedPrefix,
    /// Long contexts that nobody sends twice.
    Rag,
    /// Agents that call tools in a loop.
    Agents,
    /// Adapters by Zipf's law, more than a server has slots for.
    Lora,
    /// Tenants in bursts.
    Bursts,
    /// Conversations, a day in a minute.
    Diurnal,
    /// Tenants, and half of the servers with a third of the cache.
    MixedCaches,
    /// A trace in Mooncake's format.
    Mooncake,
    /// A trace in the format of Azure's LLM traces.
    Azure,
}

/// All.
pub const ALL: [Workload; 10] = [
    Workload::Chat,
    Workload::SharedPrefix,
    Workload::Rag,
    Workload::Agents,
    Workload::Lora,
    Workload::Bursts,
    Workload::Diurnal,
    Workload::MixedCaches,
    Workload::Mooncake,
    Workload::Azure,
];

impl Workload {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "multi-turn chat",
            Self::SharedPrefix => "shared system prompts",
            Self::Rag => "RAG",
            Self::Agents => "agents",
            Self::Lora => "LoRA mix",
            Self::Bursts => "bursts",
            Self::Diurnal => "diurnal",
            Self::MixedCaches => "mixed caches",
            Self::Mooncake => "trace, Mooncake's format",
            Self::Azure => "trace, Azure's format",
        }
    }

    /// Sessions per second for eight servers, at the load of the tables.
    #[must_use]
    pub fn rate(self) -> f64 {
        match self {
            Self::Chat | Self::Diurnal => 14.0,
            Self::SharedPrefix | Self::MixedCaches => 75.0,
            Self::Rag => 8.0,
            Self::Agents => 5.0,
            Self::Lora => 90.0,
            Self::Bursts => 45.0,
            Self::Mooncake | Self::Azure => 1.0,
        }
    }

    /// The sessions of a run; `rate` is relative to [`Workload::rate`].
    #[must_use]
    pub fn sessions(self, seed: u64, rate: f64, horizon: Micros) -> Vec<Session> {
        let mut chance = Chance::new(seed, self as u64);
        let shape = match self {
            Self::Bursts => Shape::Bursts,
            Self::Diurnal => Shape::Day,
            Self::Mooncake => return trace(include_str!("mooncake.jsonl"), true, rate, seed),
            Self::Azure => return trace(include_str!("azure.csv"), false, rate, seed),
            _ => Shape::Steady,
        };
        let starts = shape.starts(self.rate() * rate, horizon, &mut chance);
        let mut maker = Maker { tenants: Zipf::new(400, 0.9), adapters: Zipf::new(24, 1.0) };
        let made = starts.into_iter().enumerate();
        made.map(|(n, start)| {
            let content = mix(seed, n as u64 + 1_000_000);
            maker.session(self, start, content)
        })
        .collect()
    }
}

fn trace(text: &str, mooncake: bool, rate: f64, seed: u64) -> Vec<Session> {
    let read = if mooncake { read_mooncake(text) } else { read_azure(text, seed) };
    let mut sessions = read.unwrap_or_default();
    for session in &mut sessions {
        session.start = (session.start as f64 / rate) as Micros;
    }
    sessions
}

struct Maker {
    tenants: Zipf,
    adapters: Zipf,
}

impl Maker {
    fn session(&mut self, workload: Workload, start: Micros, content: u64) -> Session {
        let mut chance = Chance::new(content, 3);
        let next = |n: usize| mix(content, n as u64);
        match workload {
            Workload::Rag => {
                let mut builder = Builder::new(0, 1, 300);
                builder.text(next(1), chance.between(5_000.0, 12_000.0) as u32);
                builder.turn(0.0, next(2), tokens(&mut chance, 180.0, 0.5, 1_000.0));
                builder.build(start, None)
            }
            Workload::Agents => {
                let kind = chance.below(4) as u64;
                let mut builder = Builder::new(0, 10 + kind, 2_500 + 300 * kind as u32);
                builder.text(next(0), tokens(&mut chance, 120.0, 0.6, 800.0));
                for n in 0..(3 + turns(&mut chance, 6.0, 17)) {
                    let pause = if n == 0 { 0.0 } else { chance.exponential(1.0) };
                    builder.turn(pause, next(2 * n + 1), tokens(&mut chance, 70.0, 0.6, 600.0));
                    builder.text(next(2 * n + 2), tokens(&mut chance, 350.0, 0.9, 4_000.0));
                }
                builder.build(start, None)
            }
            Workload::Lora => {
                let adapter = self.adapters.draw(&mut chance) as u16;
                let mut builder = Builder::new(100 + u64::from(adapter), 1, 60);
                builder.text(next(0), tokens(&mut chance, 250.0, 0.6, 2_000.0));
                builder.turn(0.0, next(1), tokens(&mut chance, 120.0, 0.5, 600.0));
                builder.build(start, Some(adapter))
            }
            Workload::SharedPrefix | Workload::MixedCaches | Workload::Bursts => {
                let tenant = self.tenants.draw(&mut chance) as u64;
                let length = Chance::new(tenant, 4).between(2_000.0, 6_000.0) as u32;
                let mut builder = Builder::new(0, 1_000 + tenant, length);
                builder.text(next(0), tokens(&mut chance, 150.0, 0.7, 1_500.0));
                builder.turn(0.0, next(1), tokens(&mut chance, 100.0, 0.6, 600.0));
                builder.build(start, None)
            }
            _ => {
                let mut builder = Builder::new(0, 1, 800);
                for n in 0..turns(&mut chance, 7.0, 20) {
                    builder.text(next(2 * n), tokens(&mut chance, 180.0, 0.9, 3_000.0));
                    let pause = if n == 0 { 0.0 } else { chance.exponential(6.0) };
                    builder.turn(pause, next(2 * n + 1), tokens(&mut chance, 180.0, 0.6, 800.0));
                }
                builder.build(start, None)
            }
        }
    }
}
