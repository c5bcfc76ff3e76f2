//! `cargo xtask build`: both filters as Wasm modules in `dist/`.
//!
//! Invariant: a module appears in `dist/` whole or not at all, so that an Envoy that
//! starts meanwhile never loads half of one.

mod callbacks;

use crate::project;
use crate::toolchain::{Choice, Target, Toolchain};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;

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
        answers: &[
            "proxy_on_request_headers",
            "proxy_on_response_headers",
            "proxy_on_http_call_response",
            "proxy_on_log",
        ],
    },
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
    for Filter { library, module, answers, .. } in FILTERS {
        let linked = built.join(library);
        let linked = fs::read(&linked).with_context(|| format!("no {}", linked.display()))?;
        let shipped = callbacks::keep(&linked, answers)
            .with_context(|| format!("cannot cut the callbacks of {library}"))?;
        put(&shipped, &dist.join(module))?;
        println!("  dist/{module}  {:.0} KiB", shipped.len() as f64 / 1024.0);
    }
    Ok(())
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
