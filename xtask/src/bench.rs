//! `cargo xtask bench`: builds what the measurement needs and starts it; the figures go
//! into `docs/benchmarks.md`.
//!
//! Invariant: everything measured is built with the flags it ships with. Rejected:
//! measuring inside this process; it is built without optimisation.

use crate::build;
use crate::project;
use crate::toolchain::{Choice, Target, Toolchain};
use anyhow::{Context, Result, ensure};
use std::env;
use std::path::Path;
use std::process::Command;

/// The package that measures; also its program's name.
const PACKAGE: &str = "gateway-bench";
const SCANNER: &str = "bench-scanner";

/// What `cargo xtask bench` can be told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Measure one part alone
    #[arg(long, value_parser = ["scanner", "gateway"])]
    only: Option<String>,
    /// How often each contender has its turn
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// How long each filter is under load in a round, 0.1 to 600
    #[arg(long, default_value_t = 3.0, value_parser = seconds)]
    seconds: f64,
    /// Sizes of the gateway's bodies, in bytes, 200 to 10000000
    #[arg(long, value_delimiter = ',', default_values_t = [300, 8_000, 100_000, 1_000_000],
          value_parser = clap::value_parser!(u32).range(200..=10_000_000))]
    sizes: Vec<u32>,
    /// Connections of the load
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: u16,
    /// Which compiler builds for Wasm
    #[arg(long, value_enum, default_value_t = Choice::Auto)]
    toolchain: Choice,
}

fn seconds(text: &str) -> Result<f64, &'static str> {
    text.parse()
        .ok()
        .filter(|seconds| (0.1..=600.0).contains(seconds))
        .ok_or("not a number from 0.1 to 600")
}

/// Builds, measures, writes.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    build::run(&build::Arguments { toolchain: arguments.toolchain })?;
    let toolchain = Toolchain::choose(Target::Wasip1, arguments.toolchain)?;
    println!("building what measures them");
    let wasm = ["--profile", "wasm", "--package"];
    must(toolchain.cargo("build").args(wasm).args([PACKAGE, "--bin", SCANNER]))?;
    must(toolchain.cargo("build").args(wasm).arg("copy-filter"))?;
    let wasm = toolchain.target_dir().join(Target::Wasip1.triple()).join("wasm");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // The profile `bench` is `release` with the filters' optimisation; it builds there.
    must(
        Command::new(cargo)
            .args(["build", "--profile", "bench", "--package", PACKAGE, "--bins"])
            .current_dir(project::root()),
    )?;
    let native = project::target_dir().join("release");

    let root = project::root();
    let mut session = Command::new(native.join(PACKAGE));
    let path = |command: &mut Command, name: &str, path: &Path| {
        command.arg(name).arg(path);
    };
    path(&mut session, "--scanner", &native.join(SCANNER));
    path(&mut session, "--scanner-wasm", &wasm.join(format!("{SCANNER}.wasm")));
    path(&mut session, "--wasi-runner", &root.join("bench/run-wasi.mjs"));
    path(&mut session, "--configuration", &root.join("envoy-config/guides.yaml"));
    path(&mut session, "--modules", &project::dist());
    path(&mut session, "--copy-filter", &wasm.join("copy_filter.wasm"));
    path(&mut session, "--report", &root.join("docs/benchmarks.md"));
    let sizes: Vec<String> = arguments.sizes.iter().map(u32::to_string).collect();
    session
        .args(["--rounds", &arguments.rounds.to_string()])
        .args(["--seconds", &arguments.seconds.to_string()])
        .args(["--sizes", &sizes.join(",")])
        .args(["--connections", &arguments.connections.to_string()])
        .args(["--command", &typed()])
        .args(arguments.only.iter().flat_map(|only| ["--only", only]));
    must(&mut session)
}

/// What the user typed, for the report.
fn typed() -> String {
    let arguments = env::args().skip(1);
    ["cargo".to_owned(), "xtask".to_owned()]
        .into_iter()
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

fn must(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("cannot run {name}"))?;
    ensure!(status.success(), "{name} ended with {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_would_measure_nothing_is_refused() {
        assert_eq!(seconds("0.5"), Ok(0.5));
        for text in ["0", "-1", "nan", "inf", "soon"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
