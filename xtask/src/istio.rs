//! `cargo xtask istio`: what `igw import` writes, before a real API server of Kubernetes, a
//! real control plane of Istio, and an Envoy that has its whole configuration from there.
//!
//! Invariant: nothing of it is rebuilt by hand but what nodes would do; see [`pods`],
//! [`control_plane`] and [`proxy`] for what that is. It is no step of `cargo xtask test`:
//! compiling Kubernetes and Istio takes half an hour, once. Rejected: kind and the like; they
//! need a container engine, and images that only a registry has.

mod agent;
mod cluster;
mod commands;
mod control_plane;
mod isolation;
mod objects;
mod pods;
mod programs;
mod proxy;
mod requests;
mod trial;

use crate::build;
use crate::toolchain::Choice;
use anyhow::Result;
use clap::ValueEnum;
use envoy_runner::{EnvoyVersion, obtain};
use programs::{Programs, Release};
use std::ffi::OsString;

/// What `cargo xtask istio` can be told.
#[derive(clap::Args)]
#[command(after_help = "\
Needed on the PATH: go (1.26 or newer), etcd, docker-registry, openssl, ip and unshare; Linux, and the right to
make a network of one's own (root, or user namespaces).")]
pub(crate) struct Arguments {
    /// Which release of Istio
    #[arg(long, value_enum, default_value_t = Release::Newest)]
    istio: Release,
    /// Fetch and run exactly this Envoy, such as 1.36.2
    #[arg(long)]
    envoy_version: Option<EnvoyVersion>,
    /// Which compiler builds the filters
    #[arg(long, value_enum, default_value_t = Choice::Auto)]
    toolchain: Choice,
}

/// Builds everything, then tries it where nothing else is.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if isolation::inside() {
        return trial::run(arguments.istio, arguments.envoy_version);
    }
    Programs::build(arguments.istio)?;
    build::run(&build::Arguments { toolchain: arguments.toolchain })?;
    trial::igw()?;
    // Inside there is no way to fetch it.
    obtain(arguments.envoy_version)?;
    let release = arguments.istio.to_possible_value();
    let release = release.map(|value| value.get_name().to_owned()).unwrap_or_default();
    let mut again: Vec<OsString> = ["istio", "--istio", &release].map(OsString::from).into();
    if let Some(version) = arguments.envoy_version {
        again.extend(["--envoy-version".into(), version.to_string().into()]);
    }
    isolation::enter(again)
}
