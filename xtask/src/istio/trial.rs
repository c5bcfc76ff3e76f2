//! The trial itself, step by step.
//!
//! Invariant: it ends with an error as soon as anything differs from what docs/istio.md says.

use super::agent::Agent;
use super::cluster::Cluster;
use super::commands::{self, Use};
use super::control_plane::ControlPlane;
use super::objects::{self, GUIDES};
use super::programs::{Programs, Release};
use super::{isolation, pods, proxy, requests};
use crate::{binary, project};
use anyhow::{Context, Result, ensure};
use envoy_runner::EnvoyVersion;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// 4 MiB above what BBR takes.
const BUFFER: u64 = 20_971_520;

const NO_REGISTRY: &str = "oci://registry.example.com/igw";

/// The user's tool.
pub(super) fn igw() -> Result<PathBuf> {
    binary::build("igw")
}

/// Runs it, in a network of its own.
pub(super) fn run(release: Release, version: Option<EnvoyVersion>) -> Result<()> {
    let programs = Programs::build(release)?;
    let pods = pods::all();
    isolation::bring_up(&pods::addresses(&pods))?;
    let page = fs::read_to_string(project::root().join("docs/istio.md"))?;
    let commands = commands::all(&page)?;
    let scratch = tempfile::tempdir().context("no temporary folder")?;
    let folder = scratch.path();
    let cluster = Cluster::start(&programs, &igw()?, folder)?;
    for crds in programs.crds() {
        cluster.apply(&crds)?;
    }
    let install = commands.iter().find_map(|command| match command {
        Use::Install(line) => Some(line),
        Use::Apply(_) | Use::Ask(_) => None,
    });
    let install = install.context("docs/istio.md installs no Istio")?;
    let _control_plane = ControlPlane::install(&cluster, &programs, install, folder)?;

    let shown = objects::show(&cluster)?;
    println!("the API server took {shown} rendered objects");
    cluster.apply(&project::root().join(GUIDES))?;
    let out = folder.join("out");
    objects::import(&cluster, NO_REGISTRY, &objects::no_digests(), &out)?;
    analyze(&cluster, &out)?;
    objects::localize(&out)?;
    symlink(project::root().join("istio"), folder.join("istio"))?;
    for command in &commands {
        if let Use::Apply(line) = command {
            println!("{}", cluster.run_in(folder, line)?.trim());
        }
    }
    cluster.apply_text(&objects::stranger().to_string())?;

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let servers = pods::start(&pods, &runtime)?;
    pods::announce(&cluster, &pods)?;
    let mut envoy = proxy::start(&cluster, release.version(), version)?;
    let look = || -> Result<()> {
        check()?;
        let sent = requests::send(&pods, &servers)?;
        println!("all of the guides' {sent} requests went where the picker says");
        let metrics = proxy::ask("/stats/prometheus")?;
        ensure!(metrics.contains("igw_picker_requests{igw_pool="), "the metrics have no labels");
        for command in &commands {
            if let Use::Ask(line) = command {
                println!("$ {line}\n{}", cluster.run_in(folder, line)?.trim());
            }
        }
        Ok(())
    };
    look().with_context(|| format!("Envoy's log ends:\n{}", envoy.log_tail()))?;
    envoy.stop()?;
    let _agent = Agent::start(&cluster, &programs, version, folder)?;
    look()?;
    let fetched = proxy::dump("Ecds")?.to_string().matches(isolation::MODULES).count();
    ensure!(fetched == 2, "Istio's agent brought {fetched} of 2 modules");
    println!("Istio {} does with it what docs/istio.md says", release.version());
    Ok(())
}

/// Has `istioctl` judge what was written.
fn analyze(cluster: &Cluster, out: &Path) -> Result<()> {
    let files = ["bbr.yaml", "picker.yaml"].map(|name| out.join(name).display().to_string());
    for file in &files {
        cluster.ask("istioctl", &["validate", "-f", file])?;
    }
    let [bbr, picker] = &files;
    let said = cluster.ask("istioctl", &["analyze", "-n", "default", bbr, picker])?;
    let ours: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("igw-"))
        // That an EnvoyFilter is one.
        .filter(|line| !line.contains("[IST0133]"))
        .collect();
    ensure!(ours.is_empty(), "istioctl analyze: {}", ours.join("\n"));
    Ok(())
}

/// Looks at what Envoy got.
fn check() -> Result<()> {
    let listeners = proxy::dump("Listeners")?;
    let filters = proxy::filters(&listeners)?;
    println!("HTTP filters: {}", filters.join(", "));
    let place = |part: &str| {
        let found = filters.iter().position(|name| name.contains(part));
        found.with_context(|| format!("no filter {part}"))
    };
    ensure!(place("igw-bbr")? == 0, "BBR is not the first filter");
    ensure!(place("resolve-route")? == 1, "resolve-route does not stand behind BBR");
    ensure!(place("igw-picker")? < place("igw-destination")?, "the picker comes too late");
    ensure!(place("igw-destination")? + 1 == place("http.router")?, "igw-destination is not last");
    ensure!(place("ext_proc").is_err(), "the external picker is still asked");
    proxy::expect_buffer(&listeners, BUFFER)?;
    let refused = proxy::ask("/stats?filter=update_rejected")?;
    let refused: Vec<&str> = refused.lines().filter(|line| !line.ends_with(": 0")).collect();
    ensure!(refused.is_empty(), "Envoy refused: {}", refused.join(", "));
    Ok(())
}
