//! `cargo xtask simulate`: compares ways to choose an endpoint, and writes the report.
//!
//! Rejected: calling the crate from here. Built without optimization, as xtask is, it
//! takes ten times as long.

use crate::project;
use anyhow::{Context, ensure};
use std::process::Command;

/// Compare ways to choose an endpoint on a model, write docs/routing.md
#[derive(clap::Args)]
pub struct Arguments {
    /// Seeds per figure, 2 to 10.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(2..=10))]
    seeds: u64,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let status = Command::new(env!("CARGO"))
        .current_dir(project::root())
        .args(["run", "--release", "-p", "simulate", "--", "--report", "docs/routing.md"])
        .args(["--seeds", &arguments.seeds.to_string()])
        .status()
        .context("starting cargo")?;
    ensure!(status.success(), "the simulation ended with {status}");
    Ok(())
}
