//! `cargo xtask <command>`: what a developer of this project does, each as one command.
//!
//! Invariant: a command says what it does while it does it, and what to do when it
//! cannot. Rejected: shell scripts; they cannot share the Envoy runner, the simulator
//! and the table of the guides' requests with the tests.

mod build;
mod demo;
mod project;
mod steps;
mod test;
mod toolchain;

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
    /// Build both filters into dist/
    Build(build::Arguments),
    /// Bring up the guides' gateway: model servers (simulated), filters, Envoy
    Demo(demo::Arguments),
    /// Run every test
    Test(test::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Build(arguments) => build::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
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
