//! `chaos`: runs the faults and says what came of them.

use chaos::{Fault, Plan, Size, run};
use clap::Parser;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Faults on a real Envoy under load: every request is judged.
#[derive(Parser)]
#[command(name = "cargo xtask chaos")]
struct Arguments {
    /// Decides victims, order and load; without it one that is printed
    #[arg(long)]
    seed: Option<u64>,
    /// Begin further rounds of all faults for so many seconds; one round in any case
    #[arg(long, default_value_t = 0)]
    seconds: u64,
    /// Do less of everything, as `cargo xtask test` does
    #[arg(long)]
    quick: bool,
    /// Seconds of load without a fault in which memory must not grow
    #[arg(long, default_value_t = 8)]
    soak: u64,
    /// Only this fault; may be repeated
    #[arg(long, value_enum, value_name = "FAULT")]
    only: Vec<Fault>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let plan = Plan {
        seed: arguments.seed.unwrap_or_else(clock),
        time: Duration::from_secs(arguments.seconds),
        size: if arguments.quick { Size::Quick } else { Size::Full },
        soak: Duration::from_secs(arguments.soak),
        only: arguments.only,
    };
    let report = run(&plan);
    print!("{report}");
    if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
