//! Debian's `docker-registry` and `skopeo`, installed if they can be.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Set: never install Debian packages.
const NO_APT: &str = "IGW_NO_APT";

/// Both are called as their packages are.
const NAMES: [&str; 2] = ["docker-registry", "skopeo"];

/// Where the programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    pub registry: PathBuf,
    pub skopeo: PathBuf,
}

/// The programs; none, once said why, if a test has to be skipped.
pub fn programs(test: &str) -> Option<Programs> {
    // Tests run at the same time; one of them installs.
    static FOUND: OnceLock<Result<Programs, String>> = OnceLock::new();
    match FOUND.get_or_init(obtain) {
        Ok(programs) => Some(programs.clone()),
        Err(why) => {
            eprintln!("skipped: {test}: {why}");
            None
        }
    }
}

fn obtain() -> Result<Programs, String> {
    if find().is_none() {
        install()?;
    }
    find().ok_or_else(|| "apt-get installed them, and they are not on the PATH".to_owned())
}

fn find() -> Option<Programs> {
    let path = env::var_os("PATH")?;
    let there = |name| env::split_paths(&path).map(|dir| dir.join(name)).find(|it| it.is_file());
    let [registry, skopeo] = NAMES.map(there);
    Some(Programs { registry: registry?, skopeo: skopeo? })
}

fn install() -> Result<(), String> {
    let names = NAMES.join(" ");
    let missing = format!("{names} are missing");
    if env::var_os(NO_APT).is_some() {
        return Err(format!("{missing} and {NO_APT} is set"));
    }
    if !nix::unistd::geteuid().is_root() {
        return Err(format!("{missing}; as root, run: apt-get install {names}"));
    }
    let status = Command::new("apt-get")
        .args(["install", "--yes", "--no-install-recommends"])
        .args(NAMES)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{missing} and apt-get install ended with {status}")),
        Err(error) => Err(format!("{missing} and apt-get cannot be run: {error}")),
    }
}
