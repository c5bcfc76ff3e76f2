//! `cargo xtask simulate`: compares ways to choose an endpoint, and writes the report.
//!
//! Rejected: calling the crates from here. Built without optimization, as xtask is, the
//! simulation takes ten times as long, and the calibration's clients, servers and Envoy
//! would wait for each other on a small machine.

use crate::build;
use crate::project;
use crate::toolchain::Choice;
use anyhow::{Context, ensure};
use std::process::Command;

/// Compare ways to choose an endpoint on a model, write docs/routing.md
#[derive(clap::Args)]
pub struct Arguments {
    /// Seeds per figure, 2 to 10.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(2..=10))]
    seeds: u64,
    /// Instead: compare the model with the demo's servers on a real Envoy, and write that
    /// section alone; four minutes per seed.
    #[arg(long)]
    calibrate: bool,
    /// With --calibrate: run the model alone, beside what was measured on Envoy before.
    #[arg(long, requires = "calibrate")]
    model_only: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.calibrate && !arguments.model_only {
        build::run(&build::Arguments { toolchain: Choice::Auto })?;
    }
    let package = if arguments.calibrate { "calibrate" } else { "simulate" };
    let status = Command::new(env!("CARGO"))
        .current_dir(project::root())
        .args(["run", "--release", "-p", package, "--", "--report", "docs/routing.md"])
        .args(["--seeds", &arguments.seeds.to_string()])
        .args(arguments.model_only.then_some("--model-only"))
        .status()
        .context("starting cargo")?;
    ensure!(status.success(), "it ended with {status}");
    Ok(())
}
