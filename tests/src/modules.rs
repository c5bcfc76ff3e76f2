//! What is under test: the built modules, and the Envoy that runs them.
//!
//! Invariant: a missing module is a failure that says how to build it, never a skipped
//! test.

use envoy_runner::{EnvoyBinary, obtain};
use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Chooses one of the pinned Envoys; unset: whatever the runner prefers.
const VERSION: &str = "IGW_ENVOY_VERSION";

/// The workspace's folder.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package lies in the workspace")
        .to_owned()
}

/// The folder of the built modules.
///
/// # Panics
/// One is missing.
#[must_use]
pub fn dist() -> PathBuf {
    let dist = root().join("dist");
    for module in ["bbr-filter.wasm", "picker-filter.wasm"] {
        assert!(
            dist.join(module).is_file(),
            "dist/{module} is missing: build it with `cargo xtask build`"
        );
    }
    dist
}

/// The Envoy to test on.
///
/// # Panics
/// There is none.
#[must_use]
pub fn binary() -> EnvoyBinary {
    static BINARY: OnceLock<EnvoyBinary> = OnceLock::new();
    BINARY
        .get_or_init(|| {
            let version = env::var(VERSION).ok().filter(|text| !text.is_empty());
            let version = version.map(|text| {
                text.parse().unwrap_or_else(|error| panic!("{VERSION}={text}: {error}"))
            });
            obtain(version).unwrap_or_else(|error| panic!("no Envoy: {error:?}"))
        })
        .clone()
}
