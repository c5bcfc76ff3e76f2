//! Every log line that the documentation quotes is one that the code writes.
//!
//! Invariant: a line that is worded anew in the code fails here until the pages say the
//! same, and a page cannot quote a line that nobody wrote down here. Rejected: finding a
//! line's text in the sources by itself; half of it are values, and what is left is found
//! by chance.

use crate::markdown::{code_blocks, pages};
use crate::project;
use std::fs;

/// The parts of a line that are no values, and the file that writes them, or the test that
/// sees Envoy write them.
const LINES: [(&[&str], &str); 8] = [
    (
        &["the gateway is misconfigured: Envoy keeps request bodies from its bbr filter; set \
           \"allow_on_headers_stop_iteration: true\" in the filter's typed_config.config, beside \
           vm_config"],
        "shared/src/bbr/rejection.rs",
    ),
    (&["request_too_large"], "shared/src/bbr/rejection.rs"),
    (&["picker: this VM scrapes from now on"], HOLDER),
    (&["picker: pool ", ": cluster \"", "\" of Envoy's admin interface is not there"], HOLDER),
    (&["picker: pool ", ": no endpoints from Envoy's admin interface: "], HOLDER),
    (&["unknown scorer \"", "\", expected one of "], "shared/src/picker/pool_settings.rs"),
    (&["Unable to create Wasm plugin "], "tests/tests/configuration.rs"),
    (
        &["Function: proxy_on_", " failed: Uncaught RuntimeError: unreachable"],
        "chaos/src/fault/trapped.rs",
    ),
];

const HOLDER: &str = "filters/picker-filter/src/background/holder.rs";

/// A source's text with the literals that go over several lines put together.
fn source(file: &str) -> String {
    let text = fs::read_to_string(project::root().join(file)).unwrap();
    // A literal goes on behind a `\\` at a line's end, without the next line's indent.
    let mut joined = String::new();
    let mut continues = false;
    for line in text.lines() {
        let line = if continues { line.trim_start() } else { line };
        let start = line.strip_suffix('\\');
        continues = start.is_some();
        joined += start.unwrap_or(line);
        if !continues {
            joined.push('\n');
        }
    }
    joined.replace("\\\"", "\"")
}

/// The log lines that a page quotes, as `[level] … what is said`.
fn quoted(page: &str) -> Vec<String> {
    let blocks = code_blocks(page).filter(|block| block.info == "text");
    let lines = blocks.flat_map(|block| block.text.lines().map(str::to_owned).collect::<Vec<_>>());
    lines.filter(|line| line.starts_with('[') && line.contains("] … ")).collect()
}

/// A line of the access log, shortened: `{…"pool":null,…}`.
#[test]
fn access_log_lines_on_the_pages_have_the_fields_of_the_shipped_configuration() {
    let shipped = fs::read_to_string(project::root().join("envoy-config/guides.yaml")).unwrap();
    let mut found = 0;
    for page in pages() {
        for block in code_blocks(&page.text).filter(|block| block.info == "text") {
            for line in block.text.lines().filter(|line| line.contains("\"pool\":")) {
                for (key, _) in line.match_indices("\":") {
                    let name = line[..key].rsplit('"').next().unwrap();
                    let field = format!("\n                  {name}: ");
                    assert!(shipped.contains(&field), "{}: no field {name}: {line}", page.name);
                }
                found += 1;
            }
        }
    }
    assert!(found > 0, "no page shows a line of the access log");
}

#[test]
fn log_lines_on_the_pages_are_those_that_the_code_writes() {
    let mut used = LINES.map(|_| false);
    for page in pages() {
        for line in quoted(&page.text) {
            let known =
                LINES.iter().position(|(parts, _)| parts.iter().all(|part| line.contains(part)));
            let known = known.unwrap_or_else(|| panic!("{}: who writes this? {line}", page.name));
            used[known] = true;
        }
    }
    for ((parts, file), used) in LINES.iter().zip(used) {
        assert!(used, "no page quotes {parts:?}");
        let source = source(file);
        for part in *parts {
            assert!(source.contains(part), "{file} does not write {part:?}");
        }
    }
}
