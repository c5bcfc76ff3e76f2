//! `cargo xtask <command>`: what a developer of this project does, each as one command.
//!
//! Invariant: a command says what it does while it does it, and what to do when it
//! cannot. Rejected: shell scripts; they cannot share the Envoy runner, the simulator
//! and the table of the guides' requests with the tests.

mod bench;
mod binary;
mod build;
mod chaos;
mod daemon;
mod demo;
mod docs;
mod fuzz;
mod http;
mod istio;
mod lint;
#[cfg(test)]
mod markdown;
mod project;
mod publish;
mod remap;
mod simulate;
mod steps;
mod test;
mod toolchain;
mod tools;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer commands of the inference gateway")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure scanner and gateway, write docs/benchmarks.md
    Bench(bench::Arguments),
    /// Build both filters into dist/
    Build(build::Arguments),
    /// Break endpoints, filters, configuration and clock under load on a real Envoy
    Chaos(chaos::Arguments),
    /// Bring up the guides' gateway: model servers (simulated), filters, Envoy
    Demo(demo::Arguments),
    /// Generate the configuration reference and the JSON Schema in docs/
    Docs(docs::Arguments),
    /// Fuzz the parsers, each for a bounded time
    Fuzz(fuzz::Arguments),
    /// Try what `igw import` writes on a real Kubernetes API and Istio's control plane
    Istio(istio::Arguments),
    /// Check the format and lint everything, warnings denied
    Lint(lint::Arguments),
    /// Publish the filters as OCI artifacts: layout on disk, registry with --to
    Publish(publish::Arguments),
    /// Compare ways to choose an endpoint on a model, write docs/routing.md
    Simulate(simulate::Arguments),
    /// Run every test
    Test(test::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Build(arguments) => build::run(&arguments),
        Command::Chaos(arguments) => chaos::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Docs(arguments) => docs::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Istio(arguments) => istio::run(&arguments),
        Command::Lint(arguments) => lint::run(&arguments),
        Command::Publish(arguments) => publish::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
    };
    match result {
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
