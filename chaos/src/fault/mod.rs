//! The faults.

pub(crate) mod clock;
pub(crate) mod endpoints;
pub(crate) mod soak;
pub(crate) mod surroundings;
pub(crate) mod swap;
pub(crate) mod trapped;

use crate::report::Row;
use crate::scene::{Scene, Size};
use clap::ValueEnum;
use fastrand::Rng;

/// Waits for what Envoy does by itself, however long it takes: the run ends what hangs.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("it never came about: {what}");
}

/// What is done to the gateway and to what surrounds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// A model server is killed, and comes back
    Killed,
    /// A model server answers nobody, its metrics included; clients leave it
    Hung,
    /// A model server begins late with every request
    Slow,
    /// A model server breaks off its streams
    Reset,
    /// A model server answers half of its requests with an error
    Failing,
    /// All model servers of a pool answer 20 MB of nonsense for their metrics
    Garbage,
    /// Envoy's admin interface takes the picker's questions and does not answer
    AdminSlow,
    /// Envoy's admin interface refuses the picker
    AdminGone,
    /// Hundreds of connections with half a body
    Flood,
    /// Listeners, clusters and filters' configurations are replaced 100 times
    Swap,
    /// A filter's VM traps, for each filter and failure policy, and the VM that scrapes
    Trap,
    /// The machine's clock jumps
    Clock,
    /// Nothing, for a while: memory
    Soak,
}

impl Fault {
    /// Its name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whether it can share a gateway with others.
    pub(crate) fn is_shared(self) -> bool {
        !matches!(self, Self::Swap | Self::Trap | Self::Clock | Self::Soak)
    }

    /// Runs one that shares its gateway with others.
    pub(crate) async fn run(self, scene: &Scene, rng: &mut Rng) -> Row {
        match self {
            Self::Killed => endpoints::killed(scene, rng).await,
            Self::Hung => endpoints::hung(scene, rng).await,
            Self::Slow => endpoints::slow(scene, rng).await,
            Self::Reset => endpoints::reset(scene, rng).await,
            Self::Failing => endpoints::failing(scene, rng).await,
            Self::Garbage => surroundings::garbage(scene, rng).await,
            Self::AdminSlow => surroundings::admin(scene, rng, crate::admin::Road::Silent).await,
            Self::AdminGone => surroundings::admin(scene, rng, crate::admin::Road::Closed).await,
            Self::Flood => surroundings::flood(scene, rng).await,
            Self::Swap | Self::Trap | Self::Clock | Self::Soak => {
                unreachable!("has a gateway of its own")
            }
        }
    }
}

/// A run on a gateway of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Own {
    Swap,
    Clock,
    Trap(trapped::Case),
    Scraper,
}

impl Own {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let traps = trapped::CASES.into_iter().map(Self::Trap);
        [Self::Swap, Self::Clock, Self::Scraper].into_iter().chain(traps)
    }

    /// The fault that it is, or is a part of.
    pub fn fault(self) -> Fault {
        match self {
            Self::Swap => Fault::Swap,
            Self::Clock => Fault::Clock,
            Self::Trap(_) | Self::Scraper => Fault::Trap,
        }
    }

    /// What the table calls it.
    pub fn name(self) -> String {
        match self {
            Self::Swap | Self::Clock => self.fault().name(),
            Self::Trap(case) => case.name(),
            Self::Scraper => "trap scraper".to_owned(),
        }
    }

    /// Runs it.
    pub async fn run(self, rng: &mut Rng, size: Size) -> Row {
        match self {
            Self::Swap => swap::swap(rng, size).await,
            Self::Clock => clock::jumps(rng, size).await,
            Self::Trap(case) => trapped::policy(case, rng, size).await,
            Self::Scraper => trapped::scraper(rng, size).await,
        }
    }
}
