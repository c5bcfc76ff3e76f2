//! The programs of Kubernetes and Istio, compiled from their Go modules, and their CRDs.
//!
//! Invariant: exactly these releases, of which Go verifies every module; what was built once
//! is not built again. Rejected: releases' images and archives; with a module proxy alone,
//! which build farms have, they cannot be had.

use crate::project;
use crate::tools::on_path;
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A release of Istio that this was tried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Release {
    /// The oldest one whose Go modules are to be had; 1.28 is the oldest that would do
    #[value(name = "1.29.2")]
    Oldest,
    #[value(name = "1.31.1")]
    Newest,
}

/// What is made of one set of Go modules.
struct Source {
    /// Its folder.
    name: &'static str,
    /// The module with the programs, if there are any; its sums are trusted, too.
    module: &'static str,
    go_mod: &'static str,
    /// Main packages, each a program.
    packages: &'static [&'static str],
    /// The variable of its version, with the version.
    version: &'static str,
    /// Modules with files, where in them these are, and the folder for them.
    files: &'static [(&'static str, &'static str, &'static str)],
}

const KUBERNETES: Source = Source {
    name: "kubernetes",
    module: "k8s.io/kubernetes",
    go_mod: include_str!("go/kubernetes.mod"),
    packages: &["k8s.io/kubernetes/cmd/kube-apiserver", "k8s.io/kubernetes/cmd/kubectl"],
    version: "k8s.io/component-base/version.gitVersion=v1.36.1",
    files: &[],
};

const ENVOY_GATEWAY: Source = Source {
    name: "envoy-gateway",
    module: "",
    go_mod: include_str!("go/envoy-gateway.mod"),
    packages: &[],
    version: "",
    files: &[("github.com/envoyproxy/gateway", "charts/gateway-helm/crds/generated", "crds")],
};

/// Istio brings its own CRDs; these are those of the APIs that it was compiled with. And what
/// its agent makes Envoy's bootstrap of.
const ISTIO_FILES: [(&str, &str, &str); 3] = [
    ("sigs.k8s.io/gateway-api", "config/crd/standard", "crds"),
    ("sigs.k8s.io/gateway-api-inference-extension", "config/crd/bases", "crds"),
    ("istio.io/istio", "tools/packaging/common", "agent"),
];

const ISTIO: [&str; 3] = [
    "istio.io/istio/pilot/cmd/pilot-discovery",
    "istio.io/istio/pilot/cmd/pilot-agent",
    "istio.io/istio/istioctl/cmd/istioctl",
];

impl Release {
    fn source(self) -> Source {
        let (name, go_mod, version) = match self {
            Self::Oldest => (
                "istio-1.29.2",
                include_str!("go/istio-1.29.mod"),
                "istio.io/istio/pkg/version.buildVersion=1.29.2",
            ),
            Self::Newest => (
                "istio-1.31.1",
                include_str!("go/istio-1.31.mod"),
                "istio.io/istio/pkg/version.buildVersion=1.31.1",
            ),
        };
        Source {
            name,
            module: "istio.io/istio",
            go_mod,
            packages: &ISTIO,
            version,
            files: &ISTIO_FILES,
        }
    }

    /// As Istio's proxies say it to the control plane.
    pub(super) fn version(self) -> &'static str {
        match self {
            Self::Oldest => "1.29.2",
            Self::Newest => "1.31.1",
        }
    }
}

/// What is taken from the PATH, and the package it is in.
const OTHERS: [(&str, &str); 6] = [
    ("docker-registry", "docker-registry"),
    ("etcd", "etcd-server"),
    ("ip", "iproute2"),
    ("mount", "mount"),
    ("openssl", "openssl"),
    ("unshare", "util-linux"),
];

/// Where all of it is.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    kubernetes: PathBuf,
    istio: PathBuf,
    envoy_gateway: PathBuf,
}

impl Programs {
    /// Builds what is not built yet.
    pub(super) fn build(release: Release) -> Result<Self> {
        // Who lacks one wants to know before half an hour has passed.
        for (program, package) in OTHERS {
            need(program, &format!("Debian: apt-get install {package}"))?;
        }
        Ok(Self {
            kubernetes: build(&KUBERNETES)?,
            istio: build(&release.source())?,
            envoy_gateway: build(&ENVOY_GATEWAY)?,
        })
    }

    pub(super) fn kube_apiserver(&self) -> PathBuf {
        self.kubernetes.join("bin/kube-apiserver")
    }

    pub(super) fn istiod(&self) -> PathBuf {
        self.istio.join("bin/pilot-discovery")
    }

    pub(super) fn agent(&self) -> PathBuf {
        self.istio.join("bin/pilot-agent")
    }

    /// What Istio's agent makes Envoy's bootstrap of.
    pub(super) fn bootstrap(&self) -> PathBuf {
        self.istio.join("agent/envoy_bootstrap.json")
    }

    /// The folders with what a user would have on the PATH: `kubectl` and `istioctl`.
    pub(super) fn path(&self) -> [PathBuf; 2] {
        [self.kubernetes.join("bin"), self.istio.join("bin")]
    }

    /// The folders with the CRDs of Gateway API and Envoy Gateway.
    pub(super) fn crds(&self) -> [PathBuf; 2] {
        [self.istio.join("crds"), self.envoy_gateway.join("crds")]
    }
}

/// That a program is there which is not built here.
fn need(program: &str, how: &str) -> Result<()> {
    on_path(program).map(drop).with_context(|| format!("no {program} on the PATH ({how})"))
}

/// The folder with `bin` and `crds`.
fn build(source: &Source) -> Result<PathBuf> {
    let folder = project::target_dir().join("go").join(source.name);
    // Written last; `go mod tidy` changes go.mod itself.
    let stamp = folder.join("built.mod");
    let bin = folder.join("bin");
    let whole = source.packages.iter().all(|package| bin.join(program(package)).is_file());
    if whole && fs::read_to_string(&stamp).is_ok_and(|built| built == source.go_mod) {
        return Ok(folder);
    }
    need("go", "https://go.dev/dl, 1.26 or newer")?;
    println!("building {} from its Go modules; once, some minutes", source.name);
    fs::create_dir_all(&bin).with_context(|| format!("cannot make {}", bin.display()))?;
    fs::write(folder.join("go.mod"), source.go_mod)?;
    if !source.packages.is_empty() {
        fs::write(folder.join("programs.go"), imports(source.packages))?;
        // A module that is gone from where Go's checksum database looks is verified by these.
        let sums = module_dir(&folder, source.module)?.join("go.sum");
        fs::write(folder.join("go.sum"), fs::read(sums).unwrap_or_default())?;
        go(&folder, ["mod", "tidy"])?;
        let flags = format!("-s -w -X {}", source.version);
        let output = format!("{}/", bin.display());
        let fixed = ["build", "-buildvcs=false", "-ldflags", &flags, "-o", &output];
        go(&folder, fixed.iter().chain(source.packages))?;
    }
    for (module, inside, to) in source.files {
        copy(&module_dir(&folder, module)?.join(inside), &folder.join(to))?;
    }
    fs::write(stamp, source.go_mod)?;
    Ok(folder)
}

fn program(package: &str) -> &str {
    package.rsplit_once('/').map_or(package, |(_, name)| name)
}

/// A file that makes `go mod tidy` keep the modules of these programs; it is never compiled.
fn imports(packages: &[&str]) -> String {
    let lines = packages.iter().map(|package| format!("import _ \"{package}\"\n"));
    format!("//go:build programs\n\npackage programs\n\n{}", lines.collect::<String>())
}

fn go(folder: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<()> {
    let mut command = Command::new("go");
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    let status = command.status().context("cannot run go")?;
    ensure!(status.success(), "go failed in {} ({status})", folder.display());
    Ok(())
}

/// Where Go keeps a module that the folder's go.mod names.
fn module_dir(folder: &Path, module: &str) -> Result<PathBuf> {
    go(folder, ["mod", "download", module])?;
    let output = Command::new("go")
        .args(["list", "-mod=mod", "-m", "-f", "{{.Dir}}", module])
        .current_dir(folder)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run go")?;
    ensure!(output.status.success(), "go does not say where {module} is");
    Ok(String::from_utf8_lossy(&output.stdout).trim().into())
}

/// Copies the YAML and JSON files of a folder: the cache's own may be gone the next time.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("no {}", from.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "yaml" || ending == "json")
            && let Some(name) = path.file_name()
        {
            // Not `fs::copy`: Go's files are read-only, and would be in the way next time.
            fs::write(to.join(name), fs::read(&path)?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_has_the_name_of_its_package_s_last_part() {
        let names: Vec<&str> = KUBERNETES.packages.iter().map(|package| program(package)).collect();
        assert_eq!(names, ["kube-apiserver", "kubectl"]);
    }

    #[test]
    fn the_version_that_is_said_is_the_one_that_is_built() {
        for release in Release::value_variants() {
            let source = release.source();
            let version = release.version();
            assert!(source.name.ends_with(version), "{version}");
            assert!(source.version.ends_with(version), "{version}");
            assert!(source.go_mod.contains(&format!("istio.io/api v{version}")), "{version}");
            let value = release.to_possible_value().unwrap();
            assert_eq!(value.get_name(), version);
        }
    }
}
