//! A lock between processes: an advisory lock on a file.
//!
//! Invariant: the kernel frees it when its holder dies, however it dies. Rejected:
//! a file whose mere existence is the lock; a killed holder leaves it behind.

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Held until dropped.
#[derive(Debug)]
pub(crate) struct FileLock {
    _flock: Flock<File>,
}

impl FileLock {
    /// Waits for the lock on `path`, which is created if need be.
    pub(crate) fn wait(path: &Path) -> io::Result<Self> {
        match Flock::lock(open(path)?, FlockArg::LockExclusive) {
            Ok(flock) => Ok(Self { _flock: flock }),
            Err((_, errno)) => Err(errno.into()),
        }
    }

    /// Takes the lock on `path`, or returns none when somebody holds it.
    pub(crate) fn try_take(path: &Path) -> io::Result<Option<Self>> {
        match Flock::lock(open(path)?, FlockArg::LockExclusiveNonblock) {
            Ok(flock) => Ok(Some(Self { _flock: flock })),
            Err((_, Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, errno)) => Err(errno.into()),
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::options().create(true).truncate(false).write(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_gets_none_until_the_first_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/lock");
        let held = FileLock::wait(&path).unwrap();
        assert!(FileLock::try_take(&path).unwrap().is_none());
        drop(held);
        assert!(FileLock::try_take(&path).unwrap().is_some());
    }
}
