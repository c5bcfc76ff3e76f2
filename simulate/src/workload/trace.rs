//! Readers of public traces' formats.
//!
//! Mooncake's: a JSON object per line with `timestamp` (ms), `input_length`,
//! `output_length` and `hash_ids`, one chained hash per 512 tokens. Azure's: CSV with
//! `TIMESTAMP`, `ContextTokens`, `GeneratedTokens`; nothing says what is shared, so nothing
//! is.

use serde::Deserialize;

use super::{Session, Turn};
use crate::chance::mix;
use crate::{BLOCK_TOKENS, Micros};

/// A line that is not of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the trace is not of its format")]
pub struct TraceError {
    /// Which, from 1.
    pub line: usize,
}

/// Tokens for which a trace of Mooncake has one hash.
const MOONCAKE_BLOCK: u32 = 512;

#[derive(Deserialize)]
struct MooncakeLine {
    timestamp: u64,
    input_length: u32,
    output_length: u32,
    hash_ids: Vec<u64>,
}

fn session(start: Micros, hashes: &[u64], input: u32, output: u32, unique: u64) -> Session {
    let (prompt_tokens, output_tokens) = (input.max(1), output.max(1));
    let blocks = (prompt_tokens + output_tokens) / BLOCK_TOKENS;
    let chain = (0..blocks).map(|n| {
        let of = if n * BLOCK_TOKENS < prompt_tokens {
            n * BLOCK_TOKENS / MOONCAKE_BLOCK
        } else {
            u32::MAX
        };
        let content = hashes.get(of as usize).copied().unwrap_or(unique);
        mix(content, u64::from(n) + 1)
    });
    let turns = vec![Turn { pause: 0, prompt_tokens, output_tokens }];
    Session { start, chain: chain.collect(), turns, adapter: None }
}

/// Reads a trace in Mooncake's format.
///
/// # Errors
/// A line is not of the format.
pub fn read_mooncake(text: &str) -> Result<Vec<Session>, TraceError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(n, line)| {
            let error = TraceError { line: n + 1 };
            let line: MooncakeLine = serde_json::from_str(line).map_err(|_| error)?;
            let unique = mix(n as u64, 0x6d6f_6f6e);
            let MooncakeLine { timestamp, input_length, output_length, hash_ids } = line;
            Ok(session(timestamp * 1_000, &hash_ids, input_length, output_length, unique))
        })
        .collect()
}

/// Reads a trace in Azure's format; times count from the first line's.
///
/// # Errors
/// A line is not of the format, or the first is not the header.
pub fn read_azure(text: &str, seed: u64) -> Result<Vec<Session>, TraceError> {
    let mut lines = text.lines().enumerate();
    match lines.next() {
        Some((_, header)) if header.trim() == "TIMESTAMP,ContextTokens,GeneratedTokens" => {}
        _ => return Err(TraceError { line: 1 }),
    }
    let mut sessions: Vec<Session> = Vec::new();
    let mut first = None;
    for (n, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let error = TraceError { line: n + 1 };
        let mut fields = line.trim().split(',');
        let at = fields.next().and_then(time_of).ok_or(error)?;
        let mut number = || fields.next()?.parse().ok();
        let (input, output) = number().zip(number()).ok_or(error)?;
        let start = at.checked_sub(*first.get_or_insert(at)).ok_or(error)?;
        sessions.push(session(start, &[], input, output, mix(seed, n as u64)));
    }
    Ok(sessions)
}

/// Microseconds of `2023-11-16 18:01:51.1234567`, from some day on.
fn time_of(text: &str) -> Option<Micros> {
    let (date, time) = text.split_once(' ')?;
    let mut date = date.split('-').map(str::parse::<u64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.split(':');
    let (hour, minute): (u64, u64) = (time.next()?.parse().ok()?, time.next()?.parse().ok()?);
    let second: f64 = time.next()?.parse().ok()?;
    // Traces last hours: months of 31 days keep the order, which is all that counts.
    let days = (year * 12 + month) * 31 + day;
    Some(((days * 24 + hour) * 60 + minute) * 60_000_000 + (second * 1e6) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mooncake_s_hashes_become_shared_blocks() {
        let text = r#"{"timestamp":0,"input_length":1100,"output_length":52,"hash_ids":[0,1,2]}
{"timestamp":250,"input_length":1030,"output_length":10,"hash_ids":[0,1,7]}"#;
        let sessions = read_mooncake(text).expect("reads");
        assert_eq!((sessions[1].start, sessions[1].turns[0].prompt_tokens), (250_000, 1_030));
        let shared = sessions[0].chain.iter().zip(&*sessions[1].chain).take_while(|(a, b)| a == b);
        assert_eq!(shared.count(), 64);
        assert_eq!(read_mooncake("{}").map(|s| s.len()), Err(TraceError { line: 1 }));
    }

    #[test]
    fn azure_s_requests_share_nothing_and_count_from_the_first() {
        let text = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:01:59.5000000,400,10\n2023-11-16 18:02:00.7500000,64,20\n";
        let sessions = read_azure(text, 1).expect("reads");
        assert_eq!((sessions.len(), sessions[1].start), (2, 1_250_000));
        assert_ne!(sessions[0].chain[0], sessions[1].chain[0]);
        assert_eq!(read_azure("a,b\n", 1).map(|s| s.len()), Err(TraceError { line: 1 }));
        let bad = "TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,1,2";
        assert_eq!(read_azure(bad, 1).map(|s| s.len()), Err(TraceError { line: 2 }));
    }
}
