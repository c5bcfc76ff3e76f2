//! `igw completions`.

use clap_complete::Shell;
use std::io;

/// What `igw completions` can be told.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  igw completions bash > ~/.local/share/bash-completion/completions/igw\n  igw completions zsh > ~/.zfunc/_igw"
)]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

/// Prints them.
pub(super) fn run(arguments: &Arguments, command: &mut clap::Command) {
    clap_complete::generate(arguments.shell, command, "igw", &mut io::stdout());
}
