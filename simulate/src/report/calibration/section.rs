//! The section of the report.

use std::fmt::Write;

use super::{Calibration, Figure, Side};
use crate::figures::Mean;
use crate::policy::{Kind, Variant};
use crate::workload::Small;

/// The section's heading, by which it is found.
pub const HEADING: &str = "## Calibration\n";

const ROUND_ROBIN: Kind = Kind::RoundRobin;
const OURS: Kind = Kind::Ours(Variant::Recommended);

/// What a line of the tables is about: a policy, or ours over round robin.
#[derive(Clone, Copy, PartialEq)]
enum Line {
    Policy(Kind),
    Ratio,
}

const LINES: [Line; 3] = [Line::Policy(ROUND_ROBIN), Line::Policy(OURS), Line::Ratio];

impl Line {
    fn name(self) -> &'static str {
        match self {
            Self::Policy(kind) => kind.name(),
            Self::Ratio => "ours / round robin",
        }
    }

    fn mean(self, from: &Calibration, workload: &str, side: Side, figure: Figure) -> Mean {
        match self {
            Self::Policy(kind) => from.mean(workload, kind.name(), side, figure),
            Self::Ratio => from.ratio(workload, [OURS.name(), ROUND_ROBIN.name()], side, figure),
        }
    }
}

/// The section, from its heading on.
#[must_use]
pub fn section(from: &Calibration) -> String {
    let mut page = HEADING.to_owned();
    let out = &mut page;
    let Calibration { envoy, cores, load, seconds, warm_up, .. } = from;
    let late = from.rounds.iter().map(|round| round.late).fold(0.0, f64::max);
    let _ = writeln!(
        out,
        "\n{}\nMeasured with Envoy {envoy} on {cores} cores that others used too (load {load:.1} at \
         the beginning). Requests of {seconds} s, the first {warm_up} s not counted. In the worst \
         run one request in a hundred left {late:.0} ms late or later.\n",
        include_str!("before.md")
    );
    summary(out, from);
    for workload in Small::ALL {
        table(out, from, workload.name());
    }
    let _ = write!(out, "\n{}", include_str!("after.md"));
    page
}

/// The largest distances from Envoy over all workloads.
fn summary(out: &mut String, from: &Calibration) {
    let _ = writeln!(
        out,
        "| Figure, model to Envoy | Policies, its own servers | Ours / round robin, its own \
         servers | Policies, the demo's engine | Ours / round robin, the demo's engine |\n\
         |---|--:|--:|--:|--:|"
    );
    for figure in Figure::ALL {
        let range = |side, ratio: bool| {
            let lines = LINES.into_iter().filter(|line| (*line == Line::Ratio) == ratio);
            let all = lines.flat_map(|line| {
                Small::ALL.map(|workload| {
                    let mean = |side| line.mean(from, workload.name(), side, figure).mean;
                    mean(side) / mean(Side::Envoy)
                })
            });
            let all: Vec<_> = all.filter(|ratio| ratio.is_finite()).collect();
            let least = all.iter().copied().fold(f64::INFINITY, f64::min);
            let most = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            format!("{least:.2} to {most:.2}")
        };
        let cells = [Side::Model, Side::Engine].map(|side| [range(side, false), range(side, true)]);
        let _ = writeln!(out, "| {} | {} |", figure.name(), cells.concat().join(" | "));
    }
}

fn table(out: &mut String, from: &Calibration, workload: &str) {
    let _ = writeln!(
        out,
        "\n### Calibration: {workload}\n\n\
         | Figure | Policy | Envoy | Model | to Envoy | Demo's engine in the model | to Envoy |\n\
         |---|---|--:|--:|--:|--:|--:|"
    );
    for figure in Figure::ALL {
        for line in LINES {
            let mean = |side| line.mean(from, workload, side, figure);
            let shown = |Mean { mean, half }: Mean| {
                if figure.is_time() && line != Line::Ratio {
                    format!("{mean:.0} ± {half:.0}")
                } else {
                    format!("{mean:.2} ± {half:.2}")
                }
            };
            let envoy = mean(Side::Envoy);
            let beside = |side| {
                let model = mean(side);
                format!("{} | {:.2}", shown(model), model.mean / envoy.mean)
            };
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} |",
                figure.name(),
                line.name(),
                shown(envoy),
                beside(Side::Model),
                beside(Side::Engine),
            );
        }
    }
}

/// Puts a new section in place of a page's; none if the page has no such section, nor the
/// heading that it would stand before.
#[must_use]
pub fn replace(page: &str, section: &str) -> Option<String> {
    let place = page.find(HEADING);
    let begin = place.or_else(|| page.find(super::super::tables::AFTER_CALIBRATION))?;
    let rest = page.get(begin..)?;
    let length = match place {
        Some(_) => rest.find("\n## ").map_or(rest.len(), |end| end + 1),
        None => 0,
    };
    let (before, after) = (page.get(..begin)?, rest.get(length..)?);
    Some(format!("{before}{}\n\n{after}", section.trim_end()))
}
