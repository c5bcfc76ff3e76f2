//! Every block of commands or of configuration in the documentation is judged by something:
//! run, read by the program it is for, or at least read as a command line of this project.
//!
//! Invariant: a block of a kind that nobody judges fails here, so that no page grows one.
//! Rejected: leaving out what cannot run on this machine without a word; what needs a
//! cluster is named in [`NEEDS_A_CLUSTER`], and nothing else is.

use super::examples::read;
use super::filters;
use crate::markdown::{CodeBlock, code_blocks, pages};
use crate::project;
use crate::tools::on_path;
use crate::{Arguments, binary};
use clap::Parser;
use envoy_runner::Bootstrap;
use serde_yaml_ng::{Mapping, Value};
use std::fs;
use std::process::Command;

/// What stands behind a fence, and who judges such blocks.
const JUDGED: [(&str, &str); 12] = [
    ("console test", "demo::console runs the commands"),
    ("console", "commands_that_are_not_run_are_at_least_understood"),
    ("json bbr", "docs::examples has the filter read it"),
    ("json picker", "docs::examples has the filter read it"),
    ("yaml manager", "envoy_accepts_the_documentation_s_fields_of_the_connection_manager"),
    ("yaml filters", "envoy_accepts_the_documentation_s_filters"),
    ("yaml routes", "envoy_accepts_the_documentation_s_routes"),
    ("yaml bbr", "plugin_configurations_in_yaml_are_accepted"),
    ("yaml manifest", "igw_accepts_the_documentation_s_manifests"),
    ("yaml prometheus", "prometheus_accepts_the_documentation_s_configuration"),
    ("yaml", "only_fragments_for_programs_that_are_not_here_are_read_by_nobody"),
    ("text", "docs::log_lines knows who writes the log lines in it"),
];

/// Blocks for people's eyes.
const PICTURES: [&str; 2] = ["mermaid", "markdown"];

/// Programs that have nothing to do without a cluster or somebody's registry. Those of
/// docs/istio.md are run by `cargo xtask istio`, on a real API server.
const NEEDS_A_CLUSTER: [&str; 4] = ["helm", "istioctl", "kubectl", "skopeo"];

/// The first keys of fragments for programs that are not here: Envoy Gateway's own
/// configuration.
const FOREIGN: [&str; 1] = ["extensionApis"];

fn blocks(info: &str) -> Vec<(String, CodeBlock)> {
    let with_info = |page: &str| -> Vec<CodeBlock> {
        code_blocks(page).filter(|block| block.info == info).collect()
    };
    let pages = pages().into_iter();
    let found = pages.flat_map(|page| {
        let blocks = with_info(&page.text).into_iter();
        blocks.map(move |block| (page.name.clone(), block)).collect::<Vec<_>>()
    });
    let found: Vec<_> = found.collect();
    assert!(!found.is_empty(), "no block says {info}: take it out of the list");
    found
}

/// The commands of a block, each in one line.
fn commands(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().filter_map(|line| line.strip_prefix("$ "));
    let bare = |line: &str| line.split(" # ").next().unwrap_or_default().trim().to_owned();
    lines.map(bare).collect()
}

/// Whether a command that is run begins with the same program and subcommand, and has all of
/// these flags: `igw check --admin` is run against the demo, and shown for a cluster.
fn same_kind(run: &str, words: &[&str]) -> bool {
    let has = |word: &str| run.split_whitespace().any(|known| known == word);
    let subcommand = words.first().is_some_and(|word| run.starts_with(&format!("igw {word} ")));
    subcommand && words.iter().filter(|word| word.starts_with('-')).all(|flag| has(flag))
}

#[test]
fn every_block_is_judged_by_something() {
    for page in pages() {
        for block in code_blocks(&page.text) {
            let known = JUDGED.iter().any(|(info, _)| *info == block.info)
                || PICTURES.contains(&block.info.as_str());
            assert!(known, "{}: nobody judges {block:?}", page.name);
        }
    }
    for (info, _) in JUDGED {
        blocks(info);
    }
}

#[test]
fn commands_that_are_not_run_are_at_least_understood() {
    let tested: Vec<String> =
        blocks("console test").iter().flat_map(|(_, block)| commands(&block.text)).collect();
    for (page, block) in blocks("console") {
        let commands = commands(&block.text);
        assert!(!commands.is_empty(), "{page}: no command in {block:?}");
        for command in commands {
            // Variables stand in front of a command.
            let mut words = command.split_whitespace().skip_while(|word| word.contains('='));
            let program = words.next().unwrap_or_default();
            let words: Vec<&str> = words.collect();
            match (program, words.as_slice()) {
                ("cargo", ["xtask", words @ ..]) => {
                    let line = ["cargo xtask"].iter().chain(words);
                    let parsed = Arguments::try_parse_from(line);
                    assert!(parsed.is_ok(), "{page}: {command}: {}", parsed.err().unwrap());
                }
                ("cargo", ["test", "-p", package, ..]) => {
                    let output = Command::new("cargo").args(["pkgid", package]).output().unwrap();
                    assert!(output.status.success(), "{page}: {command}: no such package");
                }
                ("igw", words) => {
                    let run = tested.iter().any(|run| same_kind(run, words));
                    assert!(run, "{page}: nothing like this is run: {command}");
                }
                (program, _) => {
                    assert!(NEEDS_A_CLUSTER.contains(&program), "{page}: who runs this? {command}");
                }
            }
        }
    }
}

#[test]
fn only_fragments_for_programs_that_are_not_here_are_read_by_nobody() {
    for (page, block) in blocks("yaml") {
        let value: Value = serde_yaml_ng::from_str(&block.text).unwrap();
        let known = FOREIGN.iter().any(|key| value.get(key).is_some());
        assert!(known, "{page}: say behind the fence what it is: {}", block.text);
    }
}

/// The guides' gateway.
fn guides() -> Bootstrap {
    Bootstrap::load(project::root().join("envoy-config/guides.yaml")).unwrap()
}

fn manager(bootstrap: &mut Value) -> &mut Value {
    let listener = &mut bootstrap["static_resources"]["listeners"][0];
    &mut listener["filter_chains"][0]["filters"][0]["typed_config"]
}

fn expect_valid(page: &str, block: &CodeBlock, mut bootstrap: Bootstrap) {
    let envoy = envoy_runner::obtain(None).unwrap();
    let validated = envoy_runner::validate(&envoy, bootstrap.with_modules(&project::dist()));
    assert!(validated.is_ok(), "{page}: {validated:?}\n{}", block.text);
}

/// They take the places of those with the same names, and stand in the same order; one
/// that is only named is described elsewhere.
#[test]
fn envoy_accepts_the_documentation_s_filters() {
    for (page, block) in blocks("yaml filters") {
        let shown: Value = serde_yaml_ng::from_str(&block.text).unwrap();
        let shown = shown["http_filters"].as_sequence().unwrap();
        let mut bootstrap = guides();
        bootstrap.edit(|value| {
            let filters = manager(value)["http_filters"].as_sequence_mut().unwrap();
            let mut from = 0;
            for filter in shown {
                let place =
                    filters[from..].iter().position(|known| known["name"] == filter["name"]);
                let place = place.unwrap_or_else(|| panic!("{page}: {:?}", filter["name"])) + from;
                if filter.get("typed_config").is_some() {
                    filters[place] = filter.clone();
                }
                from = place + 1;
            }
        });
        expect_valid(&page, &block, bootstrap);
    }
}

#[test]
fn envoy_accepts_the_documentation_s_fields_of_the_connection_manager() {
    let found = blocks("yaml manager");
    assert!(found.len() >= 2, "only {} found", found.len());
    for (page, block) in found {
        let fields: Mapping = serde_yaml_ng::from_str(&block.text).unwrap();
        let mut bootstrap = guides();
        for filter in ["bbr", "picker"] {
            bootstrap.without_filter(filter).unwrap();
        }
        bootstrap.edit(|value| {
            manager(value).as_mapping_mut().unwrap().extend(fields);
            let collector = "{name: otel_collector, type: STATIC, connect_timeout: 1s}";
            let collector = serde_yaml_ng::from_str(collector).unwrap();
            value["static_resources"]["clusters"].as_sequence_mut().unwrap().push(collector);
        });
        expect_valid(&page, &block, bootstrap);
    }
}

#[test]
fn envoy_accepts_the_documentation_s_routes() {
    for (page, block) in blocks("yaml routes") {
        let shown: Value = serde_yaml_ng::from_str(&block.text).unwrap();
        let mut bootstrap = guides();
        bootstrap.edit(|value| {
            let host = &mut manager(value)["route_config"]["virtual_hosts"][0];
            assert!(host["routes"].is_sequence());
            host["routes"] = shown["routes"].clone();
        });
        expect_valid(&page, &block, bootstrap);
    }
}

#[test]
fn plugin_configurations_in_yaml_are_accepted() {
    for (page, block) in blocks("yaml bbr") {
        let value: Value = serde_yaml_ng::from_str(&block.text).unwrap();
        let json = value["configuration"]["value"].as_str().unwrap();
        assert_eq!(read("bbr", json), Ok(()), "{page}: {json}");
    }
    for (page, block) in blocks("yaml filters") {
        let value: Value = serde_yaml_ng::from_str(&block.text).unwrap();
        for filter in value["http_filters"].as_sequence().unwrap() {
            let name = filter["name"].as_str().unwrap();
            let json = filter["typed_config"]["config"]["configuration"]["value"].as_str();
            let Some(json) = json.filter(|_| filters().iter().any(|f| f.name == name)) else {
                continue;
            };
            assert_eq!(read(name, json), Ok(()), "{page}: {json}");
        }
    }
}

#[test]
fn igw_accepts_the_documentation_s_manifests() {
    let igw = binary::build("igw").unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (n, (page, block)) in blocks("yaml manifest").into_iter().enumerate() {
        let file = folder.path().join(format!("{n}.yaml"));
        fs::write(&file, &block.text).unwrap();
        let output = Command::new(&igw).arg("check").arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.is_empty(), "{page}: {said}\n{}", block.text);
    }
}

/// Where there is a `promtool`; the files that it names have to be there in any case.
#[test]
fn prometheus_accepts_the_documentation_s_configuration() {
    for (page, block) in blocks("yaml prometheus") {
        let value: Value = serde_yaml_ng::from_str(&block.text).unwrap();
        let folder = project::root().join(&page).parent().unwrap().to_owned();
        let beside = tempfile::tempdir().unwrap();
        for file in value["rule_files"].as_sequence().unwrap() {
            let file = file.as_str().unwrap();
            let copied = fs::copy(folder.join(file), beside.path().join(file));
            assert!(copied.is_ok(), "{page}: {file}");
        }
        let Some(promtool) = on_path("promtool") else { continue };
        let file = beside.path().join("prometheus.yaml");
        fs::write(&file, &block.text).unwrap();
        let mut command = Command::new(promtool);
        let output = command.args(["check", "config"]).arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{page}: {said}");
    }
}
