//! The report as text.

use std::fmt::Write;

use super::calibration::{Calibration, section};
use super::study::{COMPARED, SWEPT, Study};
use crate::figures::{Figures, Mean};
use crate::policy::{Kind, Variant};
use crate::workload::{ALL, Workload};

const OURS: Kind = Kind::Ours(Variant::Recommended);

/// The heading that follows the calibration.
pub(super) const AFTER_CALIBRATION: &str = "## What to know of these figures\n";

/// The report.
#[must_use]
pub fn page(study: &Study, calibration: Option<&Calibration>) -> String {
    let mut page = include_str!("method.md").to_owned();
    let out = &mut page;
    targets(out, study);
    let _ = writeln!(
        out,
        "\n## Tables\n\nMeans over {} seeds ± half of the 95 % confidence interval. Times in milliseconds.",
        study.seeds
    );
    for workload in ALL {
        table(out, study, workload);
    }
    throughput(out, study);
    if let Some(calibration) = calibration {
        let _ = writeln!(out, "\n{}", section(calibration).trim_end());
    }
    let _ = writeln!(out, "\n{}", include_str!("losses.md").trim_end());
    page
}

fn table(out: &mut String, study: &Study, workload: Workload) {
    let name = workload.name();
    let _ = writeln!(out, "\n### {}{}\n", name[..1].to_uppercase(), &name[1..]);
    let _ = writeln!(out, "![TTFT p90](routing/{}.svg)\n", slug(workload));
    let lora = workload == Workload::Lora;
    let more = if lora { " Adapter loads |" } else { "" };
    let _ = writeln!(
        out,
        "| Policy | TTFT p50 | p90 | p99 | Whole p50 | p90 | p99 | Hit rate | Busiest / mean |{more}"
    );
    let _ =
        writeln!(out, "|---|--:|--:|--:|--:|--:|--:|--:|--:|{}", if lora { "--:|" } else { "" });
    for policy in Kind::ALL {
        let mean = |figure: fn(&Figures) -> f64| study.mean(workload, policy, 1.0, figure);
        let name = if policy == OURS {
            format!("**{}**", policy.name())
        } else {
            policy.name().to_owned()
        };
        let _ = write!(
            out,
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} |",
            time(mean(|f| f.ttft[0])),
            time(mean(|f| f.ttft[1])),
            time(mean(|f| f.ttft[2])),
            time(mean(|f| f.total[0])),
            time(mean(|f| f.total[1])),
            time(mean(|f| f.total[2])),
            share(mean(|f| f.hit_rate)),
            share(mean(|f| f.spread)),
        );
        let loads = mean(|f| f.adapter_loads);
        let _ = if lora { writeln!(out, " {} |", time(loads)) } else { writeln!(out) };
    }
}

fn time(Mean { mean, half }: Mean) -> String {
    format!("{mean:.0} ± {half:.0}")
}

fn share(Mean { mean, half }: Mean) -> String {
    format!("{mean:.2} ± {half:.2}")
}

/// A file's name for a workload.
#[must_use]
pub fn slug(workload: Workload) -> String {
    let name = workload.name().to_lowercase();
    let parts = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-")
}

fn throughput(out: &mut String, study: &Study) {
    let _ = writeln!(
        out,
        "\n## Throughput at a target\n\nRequests per second at which TTFT p90 reaches 500 ms, interpolated between loads of 0.4 to 2.0 times that of the tables; `>` where the highest load is still within the target, `<` where the lowest is not.\n"
    );
    for workload in SWEPT {
        let _ = writeln!(
            out,
            "![TTFT p90 by load, {}](routing/load-{}.svg)\n",
            workload.name(),
            slug(workload)
        );
    }
    let _ = writeln!(out, "| Policy | {} |", SWEPT.map(Workload::name).join(" | "));
    let _ = writeln!(out, "|---|--:|--:|");
    for policy in COMPARED {
        let cells = SWEPT.map(|workload| study.throughput(workload, policy).to_string());
        let _ = writeln!(out, "| {} | {} |", policy.name(), cells.join(" | "));
    }
}

/// A line of the table of targets.
fn target(out: &mut String, name: &str, wanted: &str, found: &str, met: bool) {
    let _ =
        writeln!(out, "| {name} | {wanted} | {found} | {} |", if met { "yes" } else { "**no**" });
}

fn targets(out: &mut String, study: &Study) {
    let _ = writeln!(
        out,
        "\n## Targets\n\nEach against both forms of the reference: a picker in each gateway replica, which is how this project runs, and one picker that all replicas ask, which is how the reference is installed by default. Ratios are taken seed by seed.\n\n| What | Target | Found | Met |\n|---|---|---|---|"
    );
    let references = [Kind::Reference, Kind::ReferenceCentral];
    let ratio =
        |workload, to, figure: fn(&Figures) -> f64| study.ratio(workload, [OURS, to], figure);
    for workload in [Workload::SharedPrefix, Workload::Chat] {
        for to in references {
            let found = ratio(workload, to, |f| f.ttft[1]);
            let name = format!("TTFT p90, {}, to {}", workload.name(), to.name());
            target(out, &name, "≤ 0.5", &share(found), found.mean <= 0.5);
        }
        let found = ratio(workload, Kind::Oracle, |f| f.hit_rate);
        let name = format!("Hit rate, {}, to the oracle's", workload.name());
        target(out, &name, "≥ 0.9", &share(found), found.mean >= 0.9);
    }
    for workload in SWEPT {
        for to in references {
            let (ours, theirs) = (study.throughput(workload, OURS), study.throughput(workload, to));
            let found = ours.rate() / theirs.rate().max(1e-9);
            let bound = if theirs.is_below() || ours.is_above() { "> " } else { "" };
            let name = format!("Throughput at the target, {}, to {}", workload.name(), to.name());
            let uncertain = theirs.is_above() && found < 1.25;
            target(
                out,
                &name,
                "≥ 1.25",
                &format!("{bound}{found:.2}"),
                found >= 1.25 && !uncertain,
            );
        }
    }
    for to in references {
        for workload in ALL {
            let found = ratio(workload, to, |f| f.ttft[1]);
            if found.mean > 1.05 {
                let name = format!("TTFT p90, {}, to {}", workload.name(), to.name());
                target(out, &name, "≤ 1.05", &share(found), false);
            }
        }
        let worst = ALL.map(|workload| ratio(workload, to, |f| f.ttft[1]).mean);
        let within = worst.iter().filter(|ratio| **ratio <= 1.05).count();
        let name = format!("Workloads with TTFT p90 within 5 % of {}", to.name());
        target(out, &name, &ALL.len().to_string(), &within.to_string(), within == ALL.len());
    }
    let found = ratio(Workload::Lora, Kind::LeastRequest, |f| f.adapter_loads);
    target(
        out,
        "Adapter loads to least request's",
        "≤ 0.33",
        &share(found),
        found.mean <= 1.0 / 3.0,
    );
}
