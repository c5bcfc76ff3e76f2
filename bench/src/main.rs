//! Measures and writes `docs/benchmarks.md`; `cargo xtask bench` builds what it needs
//! and starts it.

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use gateway_bench::bodies::Size;
use gateway_bench::machine::Machine;
use gateway_bench::{gateway, report, scanner};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Scanner,
    Gateway,
}

#[derive(Parser)]
#[command(about = "Use `cargo xtask bench`, which builds what this needs")]
struct Arguments {
    /// One part alone
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Rounds; at least 1
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// How long each filter is under load in a round, in seconds
    #[arg(long)]
    seconds: f64,
    /// Sizes of the gateway's bodies, in bytes, 200 to 10000000
    #[arg(long, value_delimiter = ',')]
    sizes: Vec<usize>,
    /// Connections of the load
    #[arg(long)]
    connections: usize,
    /// The scanner's comparison, native
    #[arg(long)]
    scanner: PathBuf,
    /// The same, for WASI
    #[arg(long)]
    scanner_wasm: PathBuf,
    /// Runs WASI programs in Node
    #[arg(long)]
    wasi_runner: PathBuf,
    /// The guides' Envoy configuration
    #[arg(long)]
    configuration: PathBuf,
    /// The folder with the built filters
    #[arg(long)]
    modules: PathBuf,
    /// The filter that only copies bodies
    #[arg(long)]
    copy_filter: PathBuf,
    /// The file to write the figures into
    #[arg(long)]
    report: PathBuf,
    /// What the user typed
    #[arg(long)]
    command: String,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let read = || {
        fs::read_to_string(&arguments.report)
            .with_context(|| format!("cannot read {}", arguments.report.display()))
    };
    let write = |section: &report::Section, table: &str| {
        // Read again: it may have been edited while this ran.
        let text = report::put(&read()?, section, table)?;
        fs::write(&arguments.report, text)
            .with_context(|| format!("cannot write {}", arguments.report.display()))?;
        println!("{table}");
        Ok::<_, anyhow::Error>(())
    };
    // Before hours of measuring: is there a place for what comes out?
    for section in report::Section::ALL {
        report::put(&read()?, &section, "")?;
    }
    let wanted = |part| arguments.only.is_none_or(|only| only == part);
    let rounds = usize::from(arguments.rounds);
    if wanted(Part::Scanner) {
        let machine = Machine::here();
        println!("the scanner, natively");
        let native = scanner::collect(&mut Command::new(&arguments.scanner), rounds, &[])?;
        println!("the scanner, under Wasm");
        let mut node = Command::new("node");
        node.arg("--no-warnings").arg(&arguments.wasi_runner).arg(&arguments.scanner_wasm);
        let wasm = scanner::collect(&mut node, rounds, &[])?;
        let runs = [("natively", native), ("under Wasm, in Node", wasm)];
        let table = report::scanner(&machine, &arguments.command, &runs);
        write(&report::Section::Scanner, &table)?;
    }
    if wanted(Part::Gateway) {
        let machine = Machine::here();
        let plan = gateway::Plan {
            configuration: arguments.configuration.clone(),
            modules: arguments.modules.clone(),
            copy_filter: arguments.copy_filter.clone(),
            sizes: arguments.sizes.iter().copied().map(Size).collect(),
            rounds,
            turn: Duration::try_from_secs_f64(arguments.seconds).context("--seconds")?,
            connections: arguments.connections,
        };
        let binary = envoy_runner::obtain(None)?;
        let figures = gateway::run(&binary, &plan)?;
        let table = report::gateway(&machine, &arguments.command, &figures);
        write(&report::Section::Gateway, &table)?;
    }
    Ok(())
}
