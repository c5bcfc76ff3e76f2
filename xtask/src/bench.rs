//! `cargo xtask bench`: builds what the measurement needs and starts it; the figures go
//! into `docs/benchmarks/`, and what they say into `docs/benchmarks.md`.
//!
//! Invariant: everything measured is built with the flags it ships with. Rejected:
//! measuring inside this process; it is built without optimisation.

use crate::build;
use crate::project;
use crate::toolchain::{Choice, Target, Toolchain};
use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

/// The package that measures; also its program's name.
const PACKAGE: &str = "gateway-bench";
/// Its programs that also run under Wasm.
const WASM_PROGRAMS: [&str; 2] = ["bench-scanner", "bench-picks"];
/// Where a quick run leaves what it found: its figures are not worth keeping.
const QUICK: &str = "quick-benchmarks";

/// What `cargo xtask bench` can be told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Measure these parts alone; the others keep their figures. `report` only writes the
    /// tables and plots again
    #[arg(long, value_delimiter = ',', value_parser = [
        "picks", "pools", "refresh", "footprint", "start", "scanner", "gateway", "streams", "uploads", "report",
    ])]
    only: Vec<String>,
    /// A few minutes, to see that everything runs: two short rounds, few sizes, one load.
    /// Leaves the documentation alone and writes into the target folder
    #[arg(long)]
    quick: bool,
    /// How often each contestant has its turn [default: 5; quick: 2]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// How long each contestant is under load in a round, 0.1 to 600 [default: 1; quick: 0.3]
    #[arg(long, value_parser = seconds)]
    seconds: Option<f64>,
    /// Sizes of the gateway's bodies, in bytes, 200 to 10000000
    /// [default: 300,8000,100000,220000,1000000,10000000; quick: 300,8000,100000]
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(200..=10_000_000))]
    sizes: Vec<u32>,
    /// Connections of the pools' and the gateway's loads [default: 8,256; quick: 8]
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: Vec<u16>,
    /// Protocols of the gateway's loads [default: h1,h2; quick: h1]
    #[arg(long, value_delimiter = ',', value_parser = ["h1", "h2"])]
    protocols: Vec<String>,
    /// Responses that stream at once [default: 2000; quick: 200]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=4_000))]
    streams: Option<u16>,
    /// Which compiler builds for Wasm
    #[arg(long, value_enum, default_value_t = Choice::Auto)]
    toolchain: Choice,
}

impl Arguments {
    /// What is measured, for the measuring program.
    fn plan(&self) -> Vec<String> {
        let pick = |full: &'static str, quick: &'static str| if self.quick { quick } else { full };
        let or = |given: Vec<String>, full: &'static str, quick: &'static str| {
            if given.is_empty() { pick(full, quick).to_owned() } else { given.join(",") }
        };
        let text = |numbers: &[u16]| numbers.iter().map(u16::to_string).collect();
        let sizes = self.sizes.iter().map(u32::to_string).collect();
        let mut plan: Vec<String> = [
            ("--rounds", self.rounds.map_or_else(|| pick("5", "2").to_owned(), |n| n.to_string())),
            (
                "--seconds",
                self.seconds.map_or_else(|| pick("1", "0.3").to_owned(), |n| n.to_string()),
            ),
            ("--sizes", or(sizes, "300,8000,100000,220000,1000000,10000000", "300,8000,100000")),
            ("--connections", or(text(&self.connections), "8,256", "8")),
            ("--protocols", or(self.protocols.clone(), "h1,h2", "h1")),
            (
                "--streams",
                self.streams.map_or_else(|| pick("2000", "200").to_owned(), |n| n.to_string()),
            ),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect();
        if !self.only.is_empty() {
            plan.extend(["--only".to_owned(), self.only.join(",")]);
        }
        plan
    }

    fn measures(&self) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| part != "report")
    }
}

fn seconds(text: &str) -> Result<f64, &'static str> {
    text.parse()
        .ok()
        .filter(|seconds| (0.1..=600.0).contains(seconds))
        .ok_or("not a number from 0.1 to 600")
}

/// Builds, measures, writes.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.measures() {
        build::run(&build::Arguments { toolchain: arguments.toolchain })?;
    }
    let toolchain = Toolchain::choose(Target::Wasip1, arguments.toolchain)?;
    let wasm = toolchain.target_dir().join(Target::Wasip1.triple()).join("wasm");
    println!("building what measures them");
    if arguments.measures() {
        let build = || {
            let mut command = toolchain.cargo("build");
            command.args(["--profile", "wasm", "--package"]);
            command
        };
        let bins = WASM_PROGRAMS.iter().flat_map(|program| ["--bin", program]);
        must(build().arg(PACKAGE).args(bins))?;
        must(build().arg("copy-filter"))?;
        must(build().arg("turn-filter"))?;
        let (linked, cut) = (wasm.join("turn_filter.wasm"), wasm.join("turn-filter.wasm"));
        build::cut(&linked, &build::PICKER_ANSWERS, &cut)?;
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // The profile `bench` is `release` with the filters' optimisation; it builds there.
    must(
        Command::new(cargo)
            .args(["build", "--profile", "bench", "--package", PACKAGE, "--bins"])
            .current_dir(project::root()),
    )?;
    let native = project::target_dir().join("release");
    let root = project::root();
    let (report, store) = places(arguments.quick)?;
    let mut session = Command::new(native.join(PACKAGE));
    for (name, path) in [
        ("--native", native.as_path()),
        ("--wasm", &wasm),
        ("--wasi-runner", &root.join("bench/run-wasi.mjs")),
        ("--configuration", &root.join("envoy-config/guides.yaml")),
        ("--modules", &project::dist()),
        ("--report", &report),
        ("--store", &store),
    ] {
        session.arg(name).arg(path);
    }
    session.args(arguments.plan()).args(["--command", &typed()]);
    must(&mut session)
}

/// The report, and the folder for figures and plots.
fn places(quick: bool) -> Result<(PathBuf, PathBuf)> {
    let (report, store) =
        (project::root().join("docs/benchmarks.md"), project::root().join("docs/benchmarks"));
    if !quick {
        return Ok((report, store));
    }
    let folder = project::target_dir().join(QUICK);
    let copy = folder.join("benchmarks.md");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::copy(&report, &copy))
        .context("copying the report")?;
    Ok((copy, folder.join("benchmarks")))
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
    use clap::Parser;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn plan(typed: &str) -> String {
        let typed = Typed::try_parse_from(["bench"].into_iter().chain(typed.split_whitespace()));
        typed.unwrap_or_else(|error| panic!("{error}")).arguments.plan().join(" ")
    }

    #[test]
    fn a_turn_that_would_measure_nothing_is_refused() {
        assert_eq!(seconds("0.5"), Ok(0.5));
        for text in ["0", "-1", "nan", "inf", "soon"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_quick_run_is_smaller_and_what_is_typed_counts_in_both() {
        assert!(plan("").starts_with("--rounds 5 --seconds 1 "));
        assert!(plan("--quick").starts_with("--rounds 2 --seconds 0.3 --sizes 300,8000,100000 "));
        let typed = plan("--quick --rounds 3 --sizes 300 --only picks,pools");
        assert!(typed.starts_with("--rounds 3 --seconds 0.3 --sizes 300 "), "{typed}");
        assert!(typed.ends_with(" --only picks,pools"), "{typed}");
    }
}
