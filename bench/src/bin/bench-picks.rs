//! Prints one JSON line per kind of pick: how long it takes. Built natively and for Wasm;
//! `gateway-bench` starts both.
//!
//! Argument: rounds.

use gateway_bench::picks::compare;
use std::env::args;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Ok(rounds) = args().nth(1).map_or(Ok(9), |text| text.parse::<usize>()) else {
        eprintln!("expected a number of rounds");
        return ExitCode::FAILURE;
    };
    let Some(rows) = compare(rounds) else {
        eprintln!("a pick named too few endpoints");
        return ExitCode::FAILURE;
    };
    for row in rows {
        let Ok(line) = serde_json::to_string(&row) else { return ExitCode::FAILURE };
        println!("{line}");
    }
    ExitCode::SUCCESS
}
