//! Which crates a module is made of.
//!
//! `cargo tree` says it: it resolves features for the very packages and the target that
//! are built. The lock file adds the checksums.
//!
//! Invariant: only what is compiled for the module's target is in it; crates that run
//! during the build (procedural macros, build scripts' dependencies) and those of tests
//! are not. Rejected: `cargo metadata`; it unites the features of the whole workspace,
//! and so lists crates that no filter has.

use cargo_lock::Lockfile;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Between the fields of a line.
const FIELD: char = '\t';

/// Why the crates are not known.
#[derive(Debug, thiserror::Error)]
pub enum CratesError {
    /// Cargo could not be run.
    #[error("cannot run cargo tree")]
    Run(#[source] std::io::Error),
    /// Cargo failed.
    #[error("cargo tree ended with {status}: {stderr}")]
    Tree {
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it said.
        stderr: String,
    },
    /// Cargo printed what is no line of a tree.
    #[error("cargo tree printed what is no crate: {line}")]
    Line {
        /// The line.
        line: String,
    },
    /// The lock file could not be read.
    #[error("cannot read Cargo.lock")]
    Lock(#[from] cargo_lock::Error),
    /// A package is not in the tree.
    #[error("cargo tree does not list {package}")]
    Missing {
        /// The package.
        package: String,
    },
}

/// Name and version of a crate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A crate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crate {
    /// Whether it is part of this workspace; else it is from a registry.
    pub local: bool,
    /// As its author wrote it, an SPDX expression as a rule.
    pub license: Option<String>,
    /// Where its sources are.
    pub repository: Option<String>,
    /// The SHA-256 of its package, 64 hexadecimal digits.
    pub checksum: Option<String>,
    /// What it depends on, directly.
    pub needs: BTreeSet<Id>,
}

/// Crates and how they depend on each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crates(pub BTreeMap<Id, Crate>);

impl Crates {
    /// Asks cargo for the crates of `packages`, which have to be those that are built
    /// together. `cargo` is cargo's command without arguments, in the workspace.
    ///
    /// # Errors
    /// See [`CratesError`].
    pub fn ask(
        mut cargo: Command,
        packages: &[&str],
        target: &str,
        lock: &str,
    ) -> Result<Self, CratesError> {
        cargo.args(["tree", "--quiet", "--locked", "--target", target]);
        cargo.args(["--edges", "normal,no-proc-macro", "--prefix", "depth", "--charset", "ascii"]);
        cargo.args(["--format", &format!(" {{p}}{FIELD}{{l}}{FIELD}{{r}}{FIELD}")]);
        for package in packages {
            cargo.args(["--package", package]);
        }
        let output = cargo.output().map_err(CratesError::Run)?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(CratesError::Tree { status: output.status, stderr });
        }
        Self::read(&String::from_utf8_lossy(&output.stdout), lock)
    }

    /// Reads what `cargo tree` printed, and the lock file.
    fn read(tree: &str, lock: &str) -> Result<Self, CratesError> {
        let mut all = BTreeMap::<Id, Crate>::new();
        let mut above: Vec<Id> = Vec::new();
        for line in tree.lines().filter(|line| !line.is_empty()) {
            let (depth, id, found) =
                parse(line).ok_or_else(|| CratesError::Line { line: line.to_owned() })?;
            above.truncate(depth);
            if let Some(parent) = above.last().and_then(|parent| all.get_mut(parent)) {
                parent.needs.insert(id.clone());
            }
            above.push(id.clone());
            // A crate that comes again comes without what it needs.
            all.entry(id).or_insert(found);
        }
        let lock: Lockfile = lock.parse()?;
        for package in lock.packages {
            let id = Id { name: package.name.to_string(), version: package.version.to_string() };
            if let Some(found) = all.get_mut(&id) {
                found.checksum = package.checksum.map(|checksum| checksum.to_string());
            }
        }
        Ok(Self(all))
    }

    /// The package `name` and all that it needs, directly or not.
    ///
    /// # Errors
    /// It is not there.
    pub fn within(&self, name: &str) -> Result<Self, CratesError> {
        let missing = || CratesError::Missing { package: name.to_owned() };
        let root = self.0.keys().find(|id| id.name == name).ok_or_else(missing)?;
        let mut found = BTreeMap::new();
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            if let Some(one) = self.0.get(id)
                && found.insert(id.clone(), one.clone()).is_none()
            {
                open.extend(&one.needs);
            }
        }
        Ok(Self(found))
    }
}

/// Depth, crate and its facts from `2 name v1.2.3 (/path)\tlicense\trepository\t (*)`.
fn parse(line: &str) -> Option<(usize, Id, Crate)> {
    let mut fields = line.split(FIELD);
    let mut package = fields.next()?.split(' ');
    let depth = package.next()?.parse().ok()?;
    let name = package.next()?.to_owned();
    let version = package.next()?.strip_prefix('v')?.to_owned();
    let local = package.next().is_some();
    let mut text = || fields.next().filter(|text| !text.is_empty()).map(str::to_owned);
    let (license, repository) = (text(), text());
    Some((depth, Id { name, version }, Crate { local, license, repository, ..Crate::default() }))
}

#[cfg(test)]
pub(crate) mod tests;
