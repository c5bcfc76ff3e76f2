//! What the project is built from: one registry, permissive licences, locked versions.
//!
//! The rules are those of `deny.toml`, for machines without `cargo deny`; licences are
//! checked by what packages declare, not by the texts that lie in them.

use std::process::Command;

use gateway_tests::root;
use serde_json::Value;

/// Besides those that `deny.toml` excepts by name.
const LICENSES: [&str; 8] = [
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
    "0BSD",
];
const EXCEPTED: [&str; 3] = ["borrow-or-share", "libfuzzer-sys", "webpki-root-certs"];

fn packages() -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--all-features"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let mut metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata");
    let packages = metadata["packages"].take();
    packages.as_array().expect("a list").clone()
}

/// Whether one of the alternatives consists of allowed ones. Understands `A OR B AND C`,
/// the older `A/B`, and brackets around alternatives.
fn is_allowed(license: &str) -> bool {
    let license = license.replace('/', " OR ");
    let conjuncts = license.split(" AND ").map(|part| part.trim_matches(['(', ')', ' ']));
    conjuncts.into_iter().all(|alternatives| {
        let mut alternatives =
            alternatives.split(" OR ").map(|name| name.trim_matches(['(', ')', ' ']));
        alternatives.any(|name| LICENSES.contains(&name))
    })
}

#[test]
fn packages_come_from_one_registry_or_this_repository() {
    for package in packages() {
        let name = &package["name"];
        let Some(source) = package["source"].as_str() else {
            let path = package["manifest_path"].as_str().expect("a path");
            assert!(path.starts_with(root().to_str().expect("text")), "{name}: {path}");
            continue;
        };
        assert_eq!(source, "registry+https://github.com/rust-lang/crates.io-index", "{name}");
    }
}

#[test]
fn packages_have_a_checksum_in_the_lock_file() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("a lock file");
    for package in lock.split("[[package]]").skip(1) {
        let registered = package.contains("\nsource = ");
        assert_eq!(registered, package.contains("\nchecksum = \""), "{package}");
    }
}

#[test]
fn licenses_are_permissive() {
    for package in packages() {
        let name = package["name"].as_str().expect("a name");
        let license = package["license"].as_str().unwrap_or("none");
        assert!(is_allowed(license) || EXCEPTED.contains(&name), "{name}: {license}");
    }
    assert!(is_allowed("MIT/Apache-2.0") && is_allowed("(MIT OR GPL-3.0) AND Unicode-3.0"));
    assert!(!is_allowed("GPL-3.0") && !is_allowed("MIT AND GPL-3.0") && !is_allowed("none"));
}

#[test]
fn the_filters_have_few_dependencies_and_no_code_of_other_languages() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--locked", "--prefix", "none", "--format", "{p}", "--edges"])
        .args(["normal,build", "--target", "wasm32-wasip1"])
        .args(["--package", "bbr-filter", "--package", "picker-filter"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let names: std::collections::BTreeSet<&str> =
        text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains("proxy-wasm") && names.contains("serde_json"), "{names:?}");
    // Compilers of C and code generators have no place in what runs inside Envoy.
    for name in ["cc", "cmake", "bindgen", "openssl-sys", "ring", "tokio", "hyper"] {
        assert!(!names.contains(name), "{name}: {names:?}");
    }
    assert!(names.len() <= 70, "{}: {names:?}", names.len());
}
