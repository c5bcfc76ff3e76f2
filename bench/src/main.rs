//! Measures and writes `docs/benchmarks.md`; `cargo xtask bench` builds what it needs
//! and starts it.

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    use clap::Parser;
    use std::process::ExitCode;

    let arguments = gateway_bench::arguments::Arguments::parse();
    match gateway_bench::measure::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Programs of this package that are built for Wasm are others.
#[cfg(target_arch = "wasm32")]
fn main() {}
