//! `cargo xtask build`: both filters as Wasm modules in `dist/`.
//!
//! Invariant: a module appears in `dist/` whole or not at all, so that an Envoy that
//! starts meanwhile never loads half of one.

mod callbacks;

use crate::project;
use crate::remap;
use crate::toolchain::{Choice, Target, Toolchain};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A filter's package, and what becomes of it.
struct Filter {
    package: &'static str,
    /// The file that cargo makes.
    library: &'static str,
    /// The file in `dist/`.
    module: &'static str,
    /// The stream callbacks it answers; the SDK exports all that there are.
    answers: &'static [&'static str],
}

const FILTERS: [Filter; 2] = [
    Filter {
        package: "bbr-filter",
        library: "bbr_filter.wasm",
        module: "bbr-filter.wasm",
        answers: &[
            "proxy_on_request_headers",
            "proxy_on_request_body",
            "proxy_on_request_trailers",
        ],
    },
    Filter {
        package: "picker-filter",
        library: "picker_filter.wasm",
        module: "picker-filter.wasm",
        answers: &PICKER_ANSWERS,
    },
];

/// What the picker answers; also the filter that says what its calls cost by themselves.
pub(crate) const PICKER_ANSWERS: [&str; 3] =
    ["proxy_on_request_headers", "proxy_on_response_headers", "proxy_on_http_call_response"];

/// Cargo's profile of what is shipped.
pub(crate) const PROFILE: &str = "wasm";

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
    compile(|| toolchain.cargo("build"), &project::root(), toolchain.target_dir())?;
    let built = toolchain.target_dir().join(Target::Wasip1.triple()).join(PROFILE);
    ship(&built, &project::dist())
}

/// Runs `cargo build`, given without the filters, for the workspace in `root`.
pub(crate) fn compile(cargo: impl Fn() -> Command, root: &Path, target_dir: &Path) -> Result<()> {
    let paths = || remap::arguments(root, target_dir);
    // The first build with a compiler may unpack crates to a folder that was not there
    // when its flags were made; then the flags are made again.
    for _ in 0..2 {
        let remap = paths();
        let mut cargo = cargo();
        cargo.args(["--profile", PROFILE]).args(packages()).args(&remap);
        let status = cargo.status().context("cannot run cargo")?;
        ensure!(status.success(), "the filters did not compile ({status})");
        if paths() == remap {
            break;
        }
    }
    Ok(())
}

/// Puts what cargo left in `built` into `dist`, without needless callbacks.
pub(crate) fn ship(built: &Path, dist: &Path) -> Result<()> {
    fs::create_dir_all(dist).with_context(|| format!("cannot make {}", dist.display()))?;
    for Filter { library, module, answers, .. } in FILTERS {
        let size = cut(&built.join(library), answers, &dist.join(module))?;
        println!("  dist/{module}  {:.0} KiB", size as f64 / 1024.0);
    }
    Ok(())
}

/// Writes a module without stream callbacks but these. Gives back its size in bytes.
pub(crate) fn cut(linked: &Path, answers: &[&'static str], to: &Path) -> Result<usize> {
    let module = fs::read(linked).with_context(|| format!("no {}", linked.display()))?;
    let module = callbacks::keep(&module, answers)
        .with_context(|| format!("cannot cut the callbacks of {}", linked.display()))?;
    put(&module, to)?;
    Ok(module.len())
}

/// The filters' packages and their files in `dist/`.
pub(crate) fn modules() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILTERS.iter().map(|filter| (filter.package, filter.module))
}

/// The options of cargo that name the filters.
pub(crate) fn packages() -> impl Iterator<Item = &'static str> {
    FILTERS.iter().flat_map(|filter| ["--package", filter.package])
}

fn put(module: &[u8], to: &Path) -> Result<()> {
    let scratch = to.with_extension("wasm.new");
    fs::write(&scratch, module)
        .and_then(|()| fs::rename(&scratch, to))
        .with_context(|| format!("cannot write {}", to.display()))
}
