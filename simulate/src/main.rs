//! `simulate`: runs the comparison and writes the report.

use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use simulate::policy::{Kind, Layout, Variant};
use simulate::report::calibration::Calibration;
use simulate::workload::ALL;
use simulate::world::{Setting, run};

/// Compare ways to choose an endpoint on a model of gateways and servers.
#[derive(Parser)]
struct Arguments {
    /// Rewrite this report, its plots in a folder of the same name beside it.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Seeds per figure, 2 to 10.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(2..=10))]
    seeds: u64,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Without a report: only workloads whose name contains this.
    #[arg(long, default_value = "")]
    workload: String,
    /// Without a report: only policies whose name contains one of these.
    #[arg(long)]
    policy: Vec<String>,
    /// Without a report: load relative to the tables'.
    #[arg(long, default_value_t = 1.0)]
    load: f64,
    /// Without a report: gateway replicas.
    #[arg(long, default_value_t = 4)]
    replicas: usize,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(report) = &arguments.report {
        let study = simulate::report::study(arguments.seeds, arguments.threads);
        let folder = report.with_extension("");
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("creating {}", folder.display()))?;
        simulate::report::draw(&study, &folder)?;
        let calibration = Calibration::load(&folder)?;
        std::fs::write(report, simulate::report::page(&study, calibration.as_ref()))
            .with_context(|| format!("writing {}", report.display()))?;
        println!("wrote {}", report.display());
        return Ok(());
    }
    let extra = [Variant::ShortDigest, Variant::Classic, Variant::Stateless].map(Kind::Ours);
    for workload in ALL.into_iter().filter(|w| w.name().contains(&arguments.workload)) {
        println!("{}", workload.name());
        let kinds = Kind::ALL.into_iter().chain(extra);
        let wanted = |kind: &Kind| {
            let names = &arguments.policy;
            names.is_empty() || names.iter().any(|name| kind.name().contains(name))
        };
        for policy in kinds.filter(wanted) {
            for seed in 1..=arguments.seeds {
                let layout = Layout { replicas: arguments.replicas, workers: 2, servers: 8 };
                let load = arguments.load;
                let run = run(&Setting { workload, policy, load, layout, seed });
                let f = run.figures();
                println!(
                    "  {:32} ttft {:6.0} {:6.0} {:6.0} e2e {:6.0} {:6.0} hits {:.3} spread {:.2} loads {:4} preempt {} n {} good {:.1}",
                    policy.name(),
                    f.ttft[0],
                    f.ttft[1],
                    f.ttft[2],
                    f.total[0],
                    f.total[1],
                    f.hit_rate,
                    f.spread,
                    f.adapter_loads,
                    run.preemptions,
                    run.samples.len(),
                    f.goodput,
                );
            }
        }
    }
    Ok(())
}
