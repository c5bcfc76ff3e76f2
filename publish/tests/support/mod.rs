//! A registry on loopback, `skopeo`, and a release to push.
//!
//! Invariant: what a test starts ends with it, on its own port and in its own folder.
//! Where the programs are neither there nor installable a test says that it was skipped,
//! and why.

mod programs;
mod server;

pub use programs::{Programs, programs};
pub use server::{Server, closed_port};

use gateway_publish::provenance::{Build, LOCAL_BUILDER};
use gateway_publish::registry::Options;
use gateway_publish::{About, Bundle, Crates, Credentials, Digest, Module, Registry, Release, Tag};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The tag that tests push under.
pub fn tag() -> Tag {
    "v1.2".parse().unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A built filter's bytes.
pub fn module(name: &str) -> Vec<u8> {
    let path = root().join("dist").join(format!("{name}.wasm"));
    fs::read(path)
        .unwrap_or_else(|_| panic!("dist/{name}.wasm is missing: run `cargo xtask build`"))
}

/// A release of a built filter.
pub fn bundle(name: &str) -> Bundle {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root());
    let packages = ["bbr-filter", "picker-filter"];
    let crates = Crates::ask(cargo, &packages, "wasm32-wasip1", &lock).unwrap();
    let release = Release {
        module: &Module::new(module(name)).unwrap(),
        about: &About {
            name: name.to_owned(),
            version: "1.2.0".to_owned(),
            created: Some(About::time(1_700_000_000).unwrap()),
            ..About::default()
        },
        crates: &crates.within(name).unwrap(),
        build: &Build {
            package: name.to_owned(),
            target: "wasm32-wasip1".to_owned(),
            profile: "wasm".to_owned(),
            compiler: "rustc 1.95.0".to_owned(),
            builder: LOCAL_BUILDER.to_owned(),
            lock: Digest::of(lock.as_bytes()),
        },
    };
    Bundle::assemble(release).unwrap()
}

/// The registry at `host`, below `team/gateway`, without TLS.
pub fn client(host: &str, credentials: Credentials) -> Registry {
    let options = Options { plain_http: true, ..Options::default() };
    let destination = format!("{host}/team/gateway").parse().unwrap();
    Registry::new(destination, credentials, options).unwrap()
}
