//! Debian's compiler, which comes without Wasm's standard library but with its
//! sources: cargo builds it (`-Zbuild-std`).
//!
//! Invariant: its own target folder, so that two compilers do not throw away each
//! other's work. The first build of the standard library takes about half a minute.
//!
//! `RUSTC_BOOTSTRAP=1` lets this stable compiler accept `-Zbuild-std`; it is set for
//! this compiler alone.

use super::{Target, Toolchain, ToolchainError, first_line, toml};
use crate::project;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";
const RUSTDOC: &str = "/usr/bin/rustdoc";
const SOURCES: &str = "/usr/lib/rustlib/src/rust/library";
const WASI_LIBC: &str = "/usr/lib/wasm32-wasi";

/// Debian's package for each part.
const COMPILER: &str = "rustc-web";
const CARGO_PACKAGE: &str = "cargo-web";
const SOURCE_PACKAGE: &str = "rust-web-src";
const LIBC_PACKAGE: &str = "wasi-libc";
const LINKER_PACKAGE: &str = "lld";

pub(super) fn find(target: Target) -> Result<Toolchain, ToolchainError> {
    if !missing(target).is_empty() {
        install(target)?;
    }
    let missing = missing(target);
    let (true, Some(linker)) = (missing.is_empty(), linker()) else {
        let reason = "apt-get installed them, and still they are not there".to_owned();
        return Err(ToolchainError::Debian { missing, reason });
    };
    let rustc = first_line(Command::new(RUSTC).arg("--version")).unwrap_or_default();
    let triple = target.triple();
    let mut arguments: Vec<OsString> = vec![
        "-Zbuild-std=std,panic_abort".into(),
        "--config".into(),
        format!("target.{triple}.linker={}", toml(&linker.to_string_lossy())).into(),
    ];
    if target == Target::Wasip1 {
        let flags = ["-L", &format!("native={WASI_LIBC}"), "-C", "link-self-contained=no"];
        let flags = flags.map(toml).join(",");
        // Given this way they are added to those of `.cargo/config.toml`.
        arguments.push("--config".into());
        arguments.push(format!("target.{triple}.rustflags=[{flags}]").into());
    }
    Ok(Toolchain {
        name: format!("Debian's {rustc}, {triple}, standard library from source"),
        cargo: PathBuf::from(CARGO),
        target,
        target_dir: project::target_dir().join("wasm-debian"),
        arguments,
        environment: vec![
            ("RUSTC_BOOTSTRAP", "1".into()),
            ("RUSTC", RUSTC.into()),
            ("RUSTDOC", RUSTDOC.into()),
            // What the outer cargo says about itself does not hold for this one.
            ("CARGO", CARGO.into()),
        ],
        // The one on the PATH would be that of another compiler.
        has_clippy: false,
    })
}

/// The packages whose parts are not there.
fn missing(target: Target) -> Vec<&'static str> {
    let libc = Path::new(WASI_LIBC).join("libc.a");
    let parts = [
        (COMPILER, Path::new(RUSTC).exists()),
        (CARGO_PACKAGE, Path::new(CARGO).exists()),
        (SOURCE_PACKAGE, Path::new(SOURCES).exists()),
        (LIBC_PACKAGE, target != Target::Wasip1 || libc.exists()),
        (LINKER_PACKAGE, linker().is_some()),
    ];
    parts.into_iter().filter(|(_, there)| !there).map(|(package, _)| package).collect()
}

/// The linker of any Rust toolchain here, else LLVM's. Debian's own `lld` can be older
/// than the compiler's LLVM, so it comes last.
fn linker() -> Option<PathBuf> {
    let home = env::var_os("RUSTUP_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".rustup")));
    let toolchains = home.and_then(|home| home.join("toolchains").read_dir().ok());
    let mut sysroots: Vec<PathBuf> = toolchains
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|toolchain| toolchain.path())
        .collect();
    sysroots.sort();
    for rustc in ["rustc", RUSTC] {
        let sysroot = first_line(Command::new(rustc).args(["--print", "sysroot"]));
        sysroots.extend(sysroot.map(PathBuf::from));
    }
    let host = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    let rust_lld = sysroots
        .iter()
        .rev()
        .map(|sysroot| sysroot.join("lib/rustlib").join(&host).join("bin/rust-lld"));
    let search = env::var_os("PATH").unwrap_or_default();
    let lld = env::split_paths(&search)
        .flat_map(|folder| ["wasm-ld", "rust-lld"].map(|name| folder.join(name)))
        .collect::<Vec<_>>();
    rust_lld.chain(lld).find(|linker| linker.exists())
}

fn install(target: Target) -> Result<(), ToolchainError> {
    let packages = missing(target);
    let refuse = |reason: &str| ToolchainError::Debian {
        missing: packages.clone(),
        reason: reason.to_owned(),
    };
    if env::var_os("IGW_NO_APT").is_some() {
        return Err(refuse("IGW_NO_APT is set"));
    }
    if !nix::unistd::geteuid().is_root() {
        return Err(refuse("only root can install them"));
    }
    println!("installing {} with apt-get", packages.join(" "));
    let status = Command::new("apt-get")
        .args(["install", "--yes", "--no-install-recommends"])
        .args(&packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(refuse(&format!("apt-get ended with {status}; apt-get update may help"))),
        Err(error) => Err(refuse(&format!("apt-get cannot be run: {error}"))),
    }
}

pub(super) fn advice(missing: &[&str], reason: &str) -> String {
    let packages = missing.join(" ");
    format!(
        "Debian's compiler is incomplete: {packages} missing, {reason}; \
         run: apt-get install -y --no-install-recommends {packages}"
    )
}
