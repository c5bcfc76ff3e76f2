//! A network and a `/var/lib` of its own, where the cluster's addresses exist and nothing else does.
//!
//! Invariant: every port is on a loopback interface that only this trial's processes see,
//! and all of them end with it. Rejected: the machine's own loopback interface: Kubernetes
//! takes no endpoint on 127.0.0.0/8, and Istio's ports may be taken.

use anyhow::{Context, Result, ensure};
use nix::unistd::geteuid;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

/// Set in the process that runs inside.
const INSIDE: &str = "IGW_ISTIO_INSIDE";

/// Where Istio's agent keeps modules.
pub(super) const MODULES: &str = "/var/lib/istio/data";

/// Whether this process runs inside.
pub(super) fn inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Runs this process again, inside.
pub(super) fn enter(arguments: impl IntoIterator<Item = OsString>) -> Result<()> {
    let mut command = Command::new("unshare");
    if !geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    // A process namespace, too: when its first process ends, all others do.
    command.args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
    command.arg(env::current_exe().context("where is this program?")?).args(arguments);
    let status = command.env(INSIDE, "1").stdin(Stdio::null()).status();
    let status = status.context("cannot run unshare")?;
    ensure!(status.success(), "the trial ended with {status}");
    Ok(())
}

/// Gives the loopback interface these addresses, brings it up, and makes what folders there
/// must be, seen here only.
pub(super) fn bring_up(addresses: &[Ipv4Addr]) -> Result<()> {
    ensure!(inside(), "not in a network of its own");
    ip(&["link", "set", "lo", "up"])?;
    // Istio's agent keeps modules in a folder that is fixed, and not there on other machines.
    let empty = ["-t", "tmpfs", "tmpfs", "/var/lib"];
    let status = Command::new("mount").args(empty).status().context("cannot run mount")?;
    ensure!(status.success(), "mount {} failed", empty.join(" "));
    fs::create_dir_all(MODULES).with_context(|| format!("cannot make {MODULES}"))?;
    for address in addresses {
        ip(&["address", "add", &format!("{address}/32"), "dev", "lo"])?;
    }
    Ok(())
}

fn ip(arguments: &[&str]) -> Result<()> {
    let status = Command::new("ip").args(arguments).status().context("cannot run ip")?;
    ensure!(status.success(), "ip {} failed", arguments.join(" "));
    Ok(())
}
