//! `cargo xtask build`: both filters as Wasm modules in `dist/`.
//!
//! Invariant: a module appears in `dist/` whole or not at all, so that an Envoy that
//! starts meanwhile never loads half of one.

use crate::project;
use crate::toolchain::{Choice, Target, Toolchain};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::PathBuf;

/// The filters: package, library file, file in `dist/`.
const FILTERS: [(&str, &str, &str); 2] = [
    ("bbr-filter", "bbr_filter.wasm", "bbr-filter.wasm"),
    ("picker-filter", "picker_filter.wasm", "picker-filter.wasm"),
];

/// What `cargo xtask build` can be told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Which compiler builds for Wasm
    #[arg(long, value_enum, default_value_t = Choice::Auto)]
    pub(crate) toolchain: Choice,
}

/// Builds the filters and prints their sizes.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let toolchain = Toolchain::choose(Target::Wasip1, arguments.toolchain)?;
    println!("building the filters with {}", toolchain.name());
    let status = toolchain
        .cargo("build")
        .args(["--profile", "wasm"])
        .args(packages())
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "the filters did not compile ({status})");

    let dist = project::dist();
    fs::create_dir_all(&dist).with_context(|| format!("cannot make {}", dist.display()))?;
    let built = toolchain.target_dir().join(Target::Wasip1.triple()).join("wasm");
    for (_, library, name) in FILTERS {
        let module = dist.join(name);
        put(built.join(library), module.clone())?;
        let size = fs::metadata(&module)?.len();
        println!("  dist/{name}  {:.0} KiB", size as f64 / 1024.0);
    }
    Ok(())
}

/// The options of cargo that name the filters.
pub(crate) fn packages() -> impl Iterator<Item = &'static str> {
    FILTERS.iter().flat_map(|(package, ..)| ["--package", package])
}

fn put(from: PathBuf, to: PathBuf) -> Result<()> {
    let scratch = to.with_extension("wasm.new");
    fs::copy(&from, &scratch)
        .and_then(|_| fs::rename(&scratch, &to))
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}
