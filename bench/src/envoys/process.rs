//! What the kernel knows of another process: its CPU time, its memory's peak. And what it
//! does to one: it stops it.

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;
use std::fs;
use std::io;
use std::time::Duration;

/// The CPU time of all its threads so far, user and system. To the nanosecond, where
/// the sums in `/proc/<pid>/stat` go in steps of 10 ms.
pub fn cpu_time(pid: u32) -> io::Result<Duration> {
    let pid = i32::try_from(pid).map_err(io::Error::other)?;
    Ok(clock_getcpuclockid(Pid::from_raw(pid))?.now()?.into())
}

/// The most memory it ever had resident, in bytes (`VmHWM`).
pub fn peak_memory(pid: u32) -> io::Result<u64> {
    status(pid, "VmHWM:")
}

/// The memory it has resident now, in bytes (`VmRSS`).
pub fn memory(pid: u32) -> io::Result<u64> {
    status(pid, "VmRSS:")
}

/// Lets the peak begin anew at what is resident now.
pub fn forget_peak(pid: u32) -> io::Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5")
}

fn status(pid: u32, name: &str) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Pins this thread, and what it starts from now on, to a CPU.
pub fn pin(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// Processes that are stopped for as long as this lives.
#[derive(Debug)]
pub struct Paused(Vec<Pid>);

impl Paused {
    /// Stops processes: children that nobody has waited for. Another's number may be somebody
    /// else's by the time that it is to go on.
    ///
    /// # Errors
    /// One of them is not there.
    pub fn new(pids: impl Iterator<Item = u32>) -> io::Result<Self> {
        let mut paused = Self(Vec::new());
        for pid in pids {
            let pid = Pid::from_raw(i32::try_from(pid).map_err(io::Error::other)?);
            kill(pid, Signal::SIGSTOP)?;
            paused.0.push(pid);
        }
        Ok(paused)
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        for pid in &self.0 {
            // One that has ended needs nothing.
            let _ = kill(*pid, Signal::SIGCONT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn cpu_time_grows_with_work() {
        let before = cpu_time(std::process::id()).unwrap();
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(50) {
            std::hint::spin_loop();
        }
        assert!(cpu_time(std::process::id()).unwrap() > before);
    }

    #[test]
    fn the_peak_counts_memory_that_was_given_back() {
        let before = peak_memory(std::process::id()).unwrap();
        let block = vec![1_u8; 64 << 20];
        assert_eq!(block.iter().map(|byte| usize::from(*byte)).sum::<usize>(), 64 << 20);
        drop(block);
        let after = peak_memory(std::process::id()).unwrap();
        assert!(after >= before && after >= 64 << 20, "{before} {after}");
        assert!(memory(std::process::id()).unwrap() <= after);
    }

    #[test]
    fn a_peak_can_be_forgotten() {
        // A process of its own: other tests of this one need its peak.
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let (pid, forgotten) = (child.id(), forget_peak(child.id()));
        let peak = peak_memory(pid);
        child.kill().unwrap();
        child.wait().unwrap();
        forgotten.unwrap();
        assert!(peak.unwrap() > 0);
    }

    #[test]
    fn a_paused_process_does_nothing_until_it_may() {
        let mut child = std::process::Command::new("sh");
        let mut child = child.args(["-c", "while :; do :; done"]).spawn().unwrap();
        let worked = |child: &std::process::Child| {
            std::thread::sleep(Duration::from_millis(50));
            let before = cpu_time(child.id()).unwrap();
            std::thread::sleep(Duration::from_millis(200));
            cpu_time(child.id()).unwrap() > before
        };
        let paused = Paused::new([child.id()].into_iter()).unwrap();
        let while_paused = worked(&child);
        drop(paused);
        let afterwards = worked(&child);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!((while_paused, afterwards), (false, true));
    }

    #[test]
    fn a_cpu_that_is_not_there_is_an_error() {
        std::thread::spawn(|| assert!(pin(1000).is_err())).join().unwrap();
    }
}
