//! Which settings are run, and their figures over the seeds.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::figures::{Figures, Mean};
use crate::policy::{Kind, Layout};
use crate::workload::{ALL, Workload};
use crate::world::{Setting, run};

/// Loads, relative to the tables', at which throughput is looked at.
pub const LOADS: [f64; 8] = [0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 2.0];
/// Policies of which that is done.
pub const COMPARED: [Kind; 5] = [
    Kind::LeastRequest,
    Kind::Reference,
    Kind::ReferenceCentral,
    Kind::Ours(crate::policy::Variant::Recommended),
    Kind::Oracle,
];
/// Workloads of which that is done.
pub const SWEPT: [Workload; 2] = [Workload::Chat, Workload::SharedPrefix];
/// Gateways and servers of the tables.
pub const LAYOUT: Layout = Layout { replicas: 4, workers: 2, servers: 8 };

/// All figures.
#[derive(Debug, Default)]
pub struct Study {
    /// Seeds per figure.
    pub seeds: u64,
    /// By workload and policy (by their places) and load in tenths; one per seed.
    runs: BTreeMap<(usize, usize, u32), Vec<Figures>>,
}

impl Study {
    /// A figure of a setting over the seeds.
    #[must_use]
    pub fn mean(
        &self,
        workload: Workload,
        policy: Kind,
        load: f64,
        figure: impl Fn(&Figures) -> f64,
    ) -> Mean {
        let runs = self.runs.get(&key(workload, policy, load));
        let values: Vec<_> = runs.into_iter().flatten().map(figure).collect();
        Mean::of(&values)
    }

    /// The ratio of two policies' figures, seed by seed.
    #[must_use]
    pub fn ratio(
        &self,
        workload: Workload,
        [of, to]: [Kind; 2],
        figure: impl Fn(&Figures) -> f64,
    ) -> Mean {
        let runs = |kind| self.runs.get(&key(workload, kind, 1.0)).into_iter().flatten();
        let pairs = runs(of).zip(runs(to));
        let ratios: Vec<_> =
            pairs.map(|(of, to)| figure(of) / figure(to).max(f64::MIN_POSITIVE)).collect();
        Mean::of(&ratios)
    }

    /// Requests per second at which p90 of the time to first token reaches the target,
    /// interpolated between two loads, of means over the seeds.
    #[must_use]
    pub fn throughput(&self, workload: Workload, policy: Kind) -> Throughput {
        let target = crate::figures::TARGET as f64 / 1_000.0;
        let at = |load: f64| {
            let p90 = self.mean(workload, policy, load, |f| f.ttft[1]).mean;
            (p90, self.mean(workload, policy, load, |f| f.rate).mean)
        };
        let mut last: Option<(f64, f64)> = None;
        for load in LOADS {
            let (p90, rate) = at(load);
            if p90 > target {
                let Some((less, slow)) = last else { return Throughput::Below(rate) };
                let share = (target.ln() - less.ln()) / (p90.ln() - less.ln());
                return Throughput::At(slow + share * (rate - slow));
            }
            last = Some((p90, rate));
        }
        Throughput::Above(last.map_or(0.0, |(_, rate)| rate))
    }
}

/// Requests per second at a target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Throughput {
    /// Fewer than this: the lowest load misses it.
    Below(f64),
    /// So many.
    At(f64),
    /// At least this: the highest load keeps it.
    Above(f64),
}

impl Throughput {
    /// The number, be it a bound or not.
    #[must_use]
    pub fn rate(self) -> f64 {
        match self {
            Self::Below(rate) | Self::At(rate) | Self::Above(rate) => rate,
        }
    }

    /// Whether it is less.
    #[must_use]
    pub fn is_below(self) -> bool {
        matches!(self, Self::Below(_))
    }

    /// Whether it is more.
    #[must_use]
    pub fn is_above(self) -> bool {
        matches!(self, Self::Above(_))
    }
}

impl std::fmt::Display for Throughput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = match self {
            Self::Below(_) => "< ",
            Self::At(_) => "",
            Self::Above(_) => "> ",
        };
        write!(f, "{sign}{:.1}", self.rate())
    }
}

#[cfg(test)]
impl Study {
    /// Every figure the same, at every load.
    pub(super) fn made_up() -> Self {
        let figures = Figures { ttft: [100.0; 3], total: [200.0; 3], ..Figures::default() };
        let mut study = Self { seeds: 2, ..Self::default() };
        for workload in ALL {
            for policy in Kind::ALL {
                for load in LOADS {
                    study.runs.insert(key(workload, policy, load), vec![figures; 2]);
                }
            }
        }
        study
    }
}

fn key(workload: Workload, policy: Kind, load: f64) -> (usize, usize, u32) {
    let policy = Kind::ALL.iter().position(|known| *known == policy).unwrap_or(usize::MAX);
    (workload as usize, policy, (load * 10.0).round() as u32)
}

/// Runs everything on so many threads. The figures do not depend on their number.
#[must_use]
pub fn study(seeds: u64, threads: usize) -> Study {
    let mut settings = Vec::new();
    for seed in 1..=seeds {
        for workload in ALL {
            for policy in Kind::ALL {
                settings.push(Setting { workload, policy, load: 1.0, layout: LAYOUT, seed });
            }
        }
        for workload in SWEPT {
            for policy in COMPARED {
                for load in LOADS.into_iter().filter(|load| *load != 1.0) {
                    settings.push(Setting { workload, policy, load, layout: LAYOUT, seed });
                }
            }
        }
    }
    let (next, found) = (Mutex::new(settings.iter().enumerate()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let Some((n, setting)) = next.lock().ok().and_then(|mut next| next.next())
                    else {
                        return;
                    };
                    let figures = run(setting).figures();
                    if let Ok(mut found) = found.lock() {
                        found.push((n, figures));
                    }
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_default();
    found.sort_by_key(|(n, _)| *n);
    let mut study = Study { seeds, ..Study::default() };
    for (n, figures) in found {
        if let Some(Setting { workload, policy, load, .. }) = settings.get(n) {
            study.runs.entry(key(*workload, *policy, *load)).or_default().push(figures);
        }
    }
    study
}
