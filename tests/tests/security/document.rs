//! `docs/security.md` names a test for every claim, and the tests exist.
//!
//! A test is written `file::name`, where the file is one of `tests/tests/`, or
//! `package::module::name` for the tests of a package's own.

use std::fs;
use std::path::{Path, PathBuf};

use gateway_tests::root;

/// Packages whose own tests may be named, and their sources.
const PACKAGES: [(&str, &str); 6] = [
    ("shared", "shared/src"),
    ("filter_host", "filters/host/src"),
    ("bbr_filter", "filters/bbr-filter/src"),
    ("picker_filter", "filters/picker-filter/src"),
    ("gateway_publish", "publish"),
    ("gateway_fuzz", "fuzz/tests"),
];

fn document() -> String {
    fs::read_to_string(root().join("docs/security.md")).expect("docs/security.md")
}

/// The tests named on a line: words in backticks with `::`.
fn named(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).filter(|word| word.contains("::")).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

/// Whether there is a test of this name in a file that the path can mean.
fn exists(path: &str) -> bool {
    let Some((module, name)) = path.rsplit_once("::") else { return false };
    let (first, inner) = module.split_once("::").unwrap_or((module, ""));
    let mut files = Vec::new();
    match PACKAGES.iter().find(|(package, _)| *package == first) {
        Some((_, folder)) => sources(&root().join(folder), &mut files),
        None => {
            files.push(root().join(format!("tests/tests/{first}.rs")));
            sources(&root().join("tests/tests").join(first), &mut files);
        }
    }
    let inner: Vec<&str> =
        inner.split("::").filter(|part| !part.is_empty() && *part != "tests").collect();
    let fits = |file: &PathBuf| {
        let file = file.with_extension("");
        inner.iter().all(|part| file.components().any(|folder| folder.as_os_str() == *part))
    };
    files.iter().filter(|file| fits(file)).any(|file| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let Some(at) = text.find(&format!("fn {name}(")) else { return false };
        let before: Vec<&str> = text[..at].lines().rev().take(4).collect();
        before.iter().any(|line| line.contains("#[test]") || line.contains("#[tokio::test"))
    })
}

#[test]
fn every_test_it_names_exists() {
    let document = document();
    let rows = document.lines().filter(|line| line.starts_with('|'));
    let tests: Vec<&str> = rows.flat_map(named).collect();
    assert!(tests.len() > 40, "{}", tests.len());
    let missing: Vec<&&str> = tests.iter().filter(|test| !exists(test)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(!exists("spoofing::in_dreams") && !exists("nowhere::in_trailers"));
    assert!(!exists("shared::bbr::agrees_on_any_bytes"), "it is in json");
}

#[test]
fn every_claim_names_a_test() {
    let document = document();
    let rows = document.lines().filter(|line| line.starts_with('|') && !line.starts_with("|--"));
    // The first row of a table is its head.
    let heads = document.lines().filter(|line| line.starts_with("|--")).count();
    let claims: Vec<&str> = rows.filter(|row| !row.ends_with("Test |")).collect();
    assert!(claims.len() > 30 && heads > 4, "{}", claims.len());
    for claim in claims {
        assert!(!named(claim).is_empty(), "no test: {claim}");
    }
}
