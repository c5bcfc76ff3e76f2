//! Prints one JSON line per kind and size of body: what the digest adds to the
//! scanner's time. Built natively and for Wasm.
//!
//! Arguments: rounds, then sizes in bytes (none: 300 B to 1 MB).

use gateway_bench::digest::{Chat, share};
use shared::prompt::DigestSettings;
use std::env::args;
use std::process::ExitCode;

fn main() -> ExitCode {
    let numbers: Result<Vec<usize>, _> = args().skip(1).map(|text| text.parse()).collect();
    let (Ok(numbers), Ok(settings)) = (numbers, DigestSettings::new(4, 64, 128)) else {
        eprintln!("expected numbers: rounds, then sizes in bytes");
        return ExitCode::FAILURE;
    };
    let (rounds, sizes) = match numbers.split_first() {
        Some((rounds, sizes)) if !sizes.is_empty() => (*rounds, sizes.to_vec()),
        first => (first.map_or(9, |(rounds, _)| *rounds), vec![300, 8_000, 100_000, 1_000_000]),
    };
    for chat in Chat::ALL {
        for size in &sizes {
            let line = share(chat, *size, rounds, settings)
                .and_then(|share| serde_json::to_string(&share).ok());
            let Some(line) = line else {
                eprintln!("the {} of {size} bytes were read wrongly", chat.label());
                return ExitCode::FAILURE;
            };
            println!("{line}");
        }
    }
    ExitCode::SUCCESS
}
