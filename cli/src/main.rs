//! The program `igw`: reads its arguments and ends with the exit code of what they asked for.

use std::process::ExitCode;

fn main() -> ExitCode {
    igw::commands::main()
}
