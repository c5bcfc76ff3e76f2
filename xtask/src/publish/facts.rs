//! What is known of the sources: from git and from the packages' manifests.
//!
//! Invariant: a commit is named only if it is the whole truth; files that were changed
//! since make it `…-dirty`, and that is said aloud.

use crate::project;
use crate::tools::cargo;
use anyhow::{Context, Result, ensure};
use gateway_publish::About;
use serde::Deserialize;
use std::env;
use std::process::Command;

/// Replaces the time of the commit (reproducible-builds.org).
const EPOCH: &str = "SOURCE_DATE_EPOCH";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    description: Option<String>,
    license: Option<String>,
}

/// What is known of the sources.
pub(super) struct Facts {
    packages: Vec<Package>,
    revision: Option<String>,
    created: Option<String>,
    source: Option<String>,
}

impl Facts {
    pub(super) fn gather(source: Option<&str>) -> Result<Self> {
        let arguments = ["metadata", "--no-deps", "--format-version", "1"];
        let output = cargo().args(arguments).output().context("cannot run cargo")?;
        ensure!(output.status.success(), "cargo metadata ended with {}", output.status);
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).context("cargo metadata is not readable")?;
        let seconds = match env::var(EPOCH) {
            Ok(text) => Some(text.parse().with_context(|| format!("{EPOCH}={text}"))?),
            Err(_) => git(&["log", "-1", "--format=%ct"]).and_then(|text| text.parse().ok()),
        };
        Ok(Self {
            packages: metadata.packages,
            revision: revision(),
            created: seconds.map(About::time).transpose()?,
            source: source.map(str::to_owned),
        })
    }

    /// The version of the filters.
    pub(super) fn version(&self) -> Result<&str> {
        let (first, _) = crate::build::modules().next().context("there are no filters")?;
        Ok(&self.package(first)?.version)
    }

    /// What is said about a filter.
    pub(super) fn about(&self, name: &str) -> Result<About> {
        let package = self.package(name)?;
        Ok(About {
            name: name.to_owned(),
            description: package.description.clone(),
            version: package.version.clone(),
            revision: self.revision.clone(),
            created: self.created.clone(),
            source: self.source.clone(),
            license: package.license.clone(),
        })
    }

    fn package(&self, name: &str) -> Result<&Package> {
        let mut packages = self.packages.iter();
        packages.find(|one| one.name == name).with_context(|| format!("there is no {name}"))
    }
}

fn revision() -> Option<String> {
    let Some(head) = git(&["rev-parse", "HEAD"]) else {
        println!("no git here: the artifacts will not say which commit they are from");
        return None;
    };
    if git(&["status", "--porcelain"]).is_some_and(|changes| changes.is_empty()) {
        return Some(head);
    }
    println!("files differ from the commit: the revision will end with -dirty");
    Some(format!("{head}-dirty"))
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).current_dir(project::root()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_has_a_description_a_version_and_a_licence() {
        let facts = Facts::gather(Some("https://git.example/gateway")).unwrap();
        for (package, _) in crate::build::modules() {
            let about = facts.about(package).unwrap();
            assert!(about.description.is_some() && about.license.is_some(), "{package}");
            assert_eq!(about.version, facts.version().unwrap());
            assert_eq!(about.source.as_deref(), Some("https://git.example/gateway"));
        }
        assert!(facts.about("no-such-filter").is_err());
    }
}
