//! Runs the documentation's commands against a demo gateway of its own.
//!
//! The convention: in a code block with the info string `console test`, a line that
//! starts with `$ ` is a command for `sh` (a `\` at its end continues it), and the lines
//! below it are what it prints. `…` stands for any text in a line, and alone on a line
//! for any lines. `localhost:8080` is the gateway and `localhost:9901` its admin
//! interface, `localhost:9902` its status page, as in `cargo xtask demo`; here they are other ports. `envoy` is the one
//! that the demo runs, `igw` is this project's, and the current folder is its root.
//!
//! Invariant: a page shows exactly what its reader pastes, with no placeholder in it.

use super::burst::Variant;
use super::gateway::Gateway;
use super::ports::{ADMIN, GATEWAY, Ports, STATUS};
use crate::markdown::{code_blocks, pages};
use crate::{binary, project};
use envoy_runner::obtain;
use std::env;
use std::iter;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use tokio::runtime::Runtime;

/// A command and what it prints.
#[derive(Debug, Default, PartialEq, Eq)]
struct Step {
    command: String,
    expected: Vec<String>,
}

/// The steps of a block; an error for text in front of the first command.
fn steps(block: &str) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    let mut continues = false;
    for line in block.lines() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (_, Some(step)) if continues => step.command += &format!("\n{line}"),
            (Some(command), _) => {
                steps.push(Step { command: command.to_owned(), ..Step::default() });
            }
            (None, Some(step)) => {
                step.expected.push(line.to_owned());
                continue;
            }
            (None, None) => return Err(format!("no command in front of: {line}")),
        }
        continues = line.ends_with('\\');
    }
    Ok(steps)
}

/// Whether lines are what was expected.
fn lines_match(expected: &[&str], lines: &[&str]) -> bool {
    match expected {
        [] => lines.is_empty(),
        ["…", rest @ ..] => (0..=lines.len()).any(|skip| lines_match(rest, &lines[skip..])),
        [first, rest @ ..] => lines
            .split_first()
            .is_some_and(|(line, others)| line_matches(first, line) && lines_match(rest, others)),
    }
}

fn line_matches(expected: &str, line: &str) -> bool {
    let Some((start, rest)) = expected.split_once('…') else {
        return expected == line;
    };
    let Some(mut line) = line.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('…').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match line.split_once(part) {
            Some((_, behind)) => line = behind,
            None => return false,
        }
    }
    line.ends_with(end)
}

/// What is wrong with a step; none: nothing. `programs` is a folder for the PATH.
fn wrong(step: &Step, ports: Ports, programs: &Path) -> Option<String> {
    let here = |text: &str| {
        text.replace(&format!("localhost:{GATEWAY}"), &format!("localhost:{}", ports.gateway))
            .replace(&format!("localhost:{ADMIN}"), &format!("localhost:{}", ports.admin))
            .replace(&format!("localhost:{STATUS}"), &format!("localhost:{}", ports.status))
    };
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = iter::once(programs.to_owned()).chain(env::split_paths(&path));
    let output = Command::new("sh")
        .args(["-c", &here(&step.command)])
        .current_dir(project::root())
        .env("PATH", env::join_paths(folders).unwrap())
        .env("no_proxy", "localhost")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let expected: Vec<String> = step.expected.iter().map(|line| here(line)).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    let lines: Vec<&str> = printed.lines().collect();
    (!lines_match(&expected, &lines)).then(|| {
        let errors = String::from_utf8_lossy(&output.stderr);
        format!(
            "$ {}\nexpected:\n{}\nprinted:\n{printed}{errors}",
            step.command,
            expected.join("\n")
        )
    })
}

#[test]
fn the_documentation_s_commands_print_what_it_shows() {
    let mut all = Vec::new();
    for page in pages() {
        for block in code_blocks(&page.text).filter(|block| block.info == "console test") {
            let steps = steps(&block.text).unwrap_or_else(|error| panic!("{}: {error}", page.name));
            all.extend(steps.into_iter().map(|step| (page.name.clone(), step)));
        }
    }
    assert!(!all.is_empty(), "no page has a block to test");
    for module in ["bbr-filter.wasm", "picker-filter.wasm"] {
        let there = project::dist().join(module).is_file();
        assert!(there, "dist/{module} is missing: build it with `cargo xtask build`");
    }

    let ports = Ports::free().unwrap();
    let programs = tempfile::tempdir().unwrap();
    symlink(obtain(None).unwrap().path, programs.path().join("envoy")).unwrap();
    symlink(binary::build("igw").unwrap(), programs.path().join("igw")).unwrap();
    let runtime = Runtime::new().unwrap();
    let gateway = runtime.block_on(Gateway::start(ports, None, 0.0, None)).unwrap();
    let wrong: Vec<String> = all
        .iter()
        .filter_map(|(page, step)| {
            // A reader is slower than this test, and meets a gateway that knows its pools; on
            // a machine that other tests keep busy it may have lost sight of them since.
            Variant::Picker.wait_until_it_balances(ports.gateway).unwrap();
            Some(format!("{page}: {}", wrong(step, ports, programs.path())?))
        })
        .collect();
    runtime.block_on(gateway.stop()).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_block_is_read_as_commands_and_what_they_print() {
    let step = |command: &str, expected: &[&str]| Step {
        command: command.to_owned(),
        expected: expected.iter().map(|&line| line.to_owned()).collect(),
    };
    let block = "$ a \\\n  -b\n1\n\n2\n$ c\n";
    assert_eq!(steps(block), Ok(vec![step("a \\\n  -b", &["1", "", "2"]), step("c", &[])]));
    assert!(steps("1\n$ a\n").is_err());
}

#[test]
fn an_ellipsis_stands_for_text_or_lines() {
    let matches = |expected: &str, printed: &str| {
        let expected: Vec<&str> = expected.lines().collect();
        lines_match(&expected, &printed.lines().collect::<Vec<_>>())
    };
    assert!(matches("a\nb", "a\nb"));
    assert!(matches("a…c…e", "abcde"));
    assert!(matches("…b\n…", "aab\nx\ny"));
    assert!(matches("…\nb\n…\nd", "a\nb\nc\nb\nd"));
    assert!(matches("a\n…", "a"));
    for (expected, printed) in
        [("a", "a\nb"), ("a\nb", "a"), ("a…b", "abc"), ("a…a", "a"), ("", "a")]
    {
        assert!(!matches(expected, printed), "{expected:?} {printed:?}");
    }
}
