//! The core's tests once more, compiled to Wasm with SIMD, in Node.
//!
//! Invariant: every test of the core runs there; one that would silently stay out (its
//! module lacks the line that makes `#[test]` wasm-bindgen's) fails the step. Rejected:
//! a selection of tests made for Wasm, which would lag behind the others.

use super::tally::Tally;
use crate::project;
use crate::toolchain::{Choice, Target, Toolchain, toml};
use crate::tools;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

/// From here on Node has `globalThis.crypto`, proptest's source of seeds, unasked.
const NODE_WITH_CRYPTO: u32 = 19;
/// The oldest Node that has it at all.
const OLDEST_NODE: u32 = 18;

/// Files of tests that cannot run there, each with its reason.
const NATIVE_ONLY: [(&str, &str); 1] = [(
    "exposition/agreement.rs",
    "the parser it compares with reads the clock, which this target has not",
)];

/// Runs the core's tests in Node.
pub(super) fn run(choice: Choice, tally: &mut Tally) -> Result<()> {
    let node = node()?;
    ensure!(node >= OLDEST_NODE, "Node {OLDEST_NODE} or newer is needed, this is {node}");
    let runner = tools::wasm_bindgen_test_runner()?;
    let toolchain = Toolchain::choose(Target::Unknown, choice)?;
    println!("testing the core in Node {node}, built with {}", toolchain.name());
    let mut cargo = toolchain.cargo("test");
    let runner = toml(&runner.to_string_lossy());
    cargo
        .args(["--config", &format!("target.{}.runner=[{runner}]", Target::Unknown.triple())])
        // Doctests would need a runner of their own, and the core has none.
        .args(["--package", "shared", "--lib"]);
    if node < NODE_WITH_CRYPTO {
        cargo.env("NODE_ARGS", "--experimental-global-webcrypto");
    }
    let mut ran = Tally::default();
    let outcome = ran.run(&mut cargo);
    tally.add(ran);
    outcome?;
    for (file, reason) in NATIVE_ONLY {
        println!("left out: {file}: {reason}");
    }
    let written = count_tests(&project::root().join("shared/src"))?;
    if ran.ran() != written {
        bail!(
            "the core has {written} tests, but {} ran in Node; each module with tests needs \
             #[cfg(target_arch = \"wasm32\")] use wasm_bindgen_test::wasm_bindgen_test as test;",
            ran.ran()
        );
    }
    Ok(())
}

/// Node's major version.
fn node() -> Result<u32> {
    let output = Command::new("node")
        .arg("--version")
        .output()
        .context("Node cannot be run; install nodejs, or leave this step out with --only")?;
    let text = String::from_utf8_lossy(&output.stdout);
    major(&text).with_context(|| format!("node --version says {text:?}"))
}

fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// How many `#[test]` there are in the sources below a folder, [`NATIVE_ONLY`] apart.
fn count_tests(folder: &Path) -> Result<u64> {
    let mut count = 0;
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()));
    for entry in entries? {
        let path = entry?.path();
        if path.is_dir() {
            count += count_tests(&path)?;
        } else if is_counted(&path) {
            let text = fs::read_to_string(&path)?;
            count += text.lines().map(|line| u64::from(line.trim() == "#[test]")).sum::<u64>();
        }
    }
    Ok(count)
}

fn is_counted(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
        && !NATIVE_ONLY.iter().any(|(file, _)| path.ends_with(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_version_is_read() {
        assert_eq!(major("v20.11.1\n"), Some(20));
        assert_eq!(major("20.11.1"), None);
        assert_eq!(major(""), None);
    }

    #[test]
    fn tests_are_counted_in_every_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        fs::write(folder.path().join("a.rs"), "#[test]\nfn a() {}\n// #[test]\n").unwrap();
        fs::write(folder.path().join("inner/b.rs"), "    #[test]\n#[test]\n").unwrap();
        fs::write(folder.path().join("c.md"), "#[test]\n").unwrap();
        fs::create_dir(folder.path().join("exposition")).unwrap();
        fs::write(folder.path().join("exposition/agreement.rs"), "#[test]\n").unwrap();
        assert_eq!(count_tests(folder.path()).unwrap(), 3);
    }
}
