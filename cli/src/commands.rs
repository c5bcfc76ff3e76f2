//! The commands and their exit codes.
//!
//! Invariant: what a command produces goes to standard output, what it says about it to
//! standard error.

mod arguments;
mod check;
mod completions;
mod error;
mod explain;
mod files;
mod import;
mod run;

use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

pub use error::CommandError;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  something outside failed: a file could not be written, Envoy could not be run
  2  the command line is wrong
  3  the manifests are wrong, contradict each other, or lack something the target needs;
     a check found errors; no pool gets the request that explain is asked about";

/// From Gateway API and Inference Extension manifests to a running inference gateway.
#[derive(Debug, Parser)]
#[command(name = "igw", version, about, after_help = EXIT_CODES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read manifests and write what a platform needs
    Import(import::Arguments),
    /// Read manifests and run the gateway here, on plain Envoy
    Run(run::Arguments),
    /// Check files before they are applied, or a gateway that runs
    Check(check::Arguments),
    /// Say where a running gateway sends requests for a model, and why
    Explain(explain::Arguments),
    /// Print completions for a shell
    Completions(completions::Arguments),
}

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Import(arguments) => import::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Completions(arguments) => {
            completions::run(&arguments, &mut Cli::command());
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.print();
            ExitCode::from(error.exit_code())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
