//! Prints one JSON line per body: how fast each contender reads it. Built natively
//! and for Wasm; `gateway-bench` starts both.
//!
//! Arguments: rounds, then sizes in bytes (none: all).

use gateway_bench::bodies::{Kind, Size};
use gateway_bench::compare::compare;
use std::env::args;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut numbers = args().skip(1).map(|text| text.parse::<usize>());
    let rounds = numbers.next().unwrap_or(Ok(9));
    let (Ok(rounds), Ok(sizes)) = (rounds, numbers.collect::<Result<Vec<_>, _>>()) else {
        eprintln!("expected numbers: rounds, then sizes in bytes");
        return ExitCode::FAILURE;
    };
    let sizes =
        if sizes.is_empty() { Size::ALL.to_vec() } else { sizes.into_iter().map(Size).collect() };
    for kind in Kind::ALL {
        for size in &sizes {
            let row = compare(kind, *size, rounds).and_then(|row| serde_json::to_string(&row).ok());
            let Some(row) = row else {
                eprintln!("a contender read the {} body of {size} wrongly", kind.label());
                return ExitCode::FAILURE;
            };
            println!("{row}");
        }
    }
    ExitCode::SUCCESS
}
