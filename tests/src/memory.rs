//! How much memory a process needed.

use std::fs;

/// The most memory a process had at once so far, in bytes (Linux).
///
/// # Panics
/// There is no such process.
#[must_use]
pub fn peak_memory(pid: u32) -> u64 {
    read(pid, "VmHWM:")
}

/// The memory a process has now, in bytes (Linux).
///
/// # Panics
/// There is no such process.
#[must_use]
pub fn memory(pid: u32) -> u64 {
    read(pid, "VmRSS:")
}

fn read(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kibibytes =
        line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kibibytes.expect("a size") * 1024
}
