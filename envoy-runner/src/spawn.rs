//! Starts a child that cannot outlive this process.
//!
//! Invariant: when this process ends, however it ends, the kernel kills the child
//! (Linux; elsewhere only an orderly end stops it). The kernel ties that to the
//! *thread* that forked, so each child gets a thread of its own that forks and then
//! sleeps until the child's handle is gone.
//!
//! Rejected: a process group killed on exit; a killed parent cannot do that.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc;
use std::thread;

/// A running child and what keeps its thread asleep.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) child: Child,
    /// Dropped with the handle; then the keeper thread ends.
    _keeper: mpsc::Sender<()>,
}

/// Starts `command`, pinned to the given CPUs if there are any.
pub(crate) fn spawn(mut command: Command, cpus: Vec<usize>) -> io::Result<Kept> {
    let (to_caller, from_keeper) = mpsc::channel();
    let (keeper, released) = mpsc::channel::<()>();
    thread::Builder::new().name("envoy-keeper".to_owned()).spawn(move || {
        let child = pin(&cpus).and_then(|()| {
            die_with_parent(&mut command);
            command.spawn()
        });
        let started = child.is_ok();
        if to_caller.send(child).is_ok() && started {
            // Ends with an error when the handle drops its sender: that is the signal.
            let _ = released.recv();
        }
    })?;
    let child = from_keeper.recv().map_err(io::Error::other)??;
    Ok(Kept { child, _keeper: keeper })
}

/// Pins this thread; the child inherits it. Nothing else runs on this thread.
#[cfg(target_os = "linux")]
fn pin(cpus: &[usize]) -> io::Result<()> {
    use nix::sched::{CpuSet, sched_setaffinity};
    use nix::unistd::Pid;
    if cpus.is_empty() {
        return Ok(());
    }
    let mut set = CpuSet::new();
    for cpu in cpus {
        set.set(*cpu)?;
    }
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

#[cfg(not(target_os = "linux"))]
fn pin(cpus: &[usize]) -> io::Result<()> {
    if cpus.is_empty() { Ok(()) } else { Err(io::ErrorKind::Unsupported.into()) }
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)] // `pre_exec` is unsafe; the one use of it stands here.
fn die_with_parent(command: &mut Command) {
    use nix::sys::{prctl, signal::Signal};
    use nix::unistd::{Pid, getpid, getppid};
    use std::os::unix::process::CommandExt;

    fn arm(parent: Pid) -> io::Result<()> {
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        // The parent may have died before the line above; then nobody will signal.
        if getppid() == parent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }

    let parent = getpid();
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. The
    // closure makes two system calls and neither allocates nor takes a lock: the
    // errors it can return are plain numbers.
    unsafe {
        command.pre_exec(move || arm(parent));
    }
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleep() -> Command {
        let mut command = Command::new("sleep");
        command.arg("60");
        command
    }

    #[test]
    fn the_child_survives_the_thread_that_asked_for_it() {
        let mut kept = thread::spawn(|| spawn(sleep(), Vec::new()).unwrap()).join().unwrap();
        thread::sleep(std::time::Duration::from_millis(100));
        assert!(kept.child.try_wait().unwrap().is_none());
        kept.child.kill().unwrap();
        kept.child.wait().unwrap();
    }

    #[test]
    fn a_missing_program_is_an_error() {
        let found = spawn(Command::new("/no/such/program"), Vec::new());
        assert_eq!(found.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_child_is_pinned_and_this_thread_is_not() {
        use nix::sched::sched_getaffinity;
        use nix::unistd::Pid;
        let before = sched_getaffinity(Pid::from_raw(0)).unwrap();
        let mut kept = spawn(sleep(), vec![0]).unwrap();
        let pid = Pid::from_raw(i32::try_from(kept.child.id()).unwrap());
        let set = sched_getaffinity(pid).unwrap();
        let cpus: Vec<usize> = (0..64).filter(|cpu| set.is_set(*cpu).unwrap()).collect();
        kept.child.kill().unwrap();
        kept.child.wait().unwrap();
        assert_eq!(cpus, [0]);
        assert_eq!(sched_getaffinity(Pid::from_raw(0)).unwrap(), before);
    }
}
