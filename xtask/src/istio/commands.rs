//! The commands of docs/istio.md, as the page shows them.
//!
//! Invariant: each is run, or has its reason here why not; a command that is new on the page
//! and nowhere here is an error.

use anyhow::{Result, bail};

/// What becomes of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Istio is installed with it.
    Install(String),
    /// Objects are applied or changed with it.
    Apply(String),
    /// The gateway that runs is asked.
    Ask(String),
}

/// How a command begins, and why it is not run here.
const NOT_HERE: [(&str, &str); 4] = [
    ("cargo xtask publish ", "the tests of `publish/` push to a registry of their own"),
    ("out=$(mktemp -d) && igw import ", "a test of the documentation runs it"),
    ("igw check examples/", "a test of the documentation runs it"),
    ("kubectl port-forward ", "no kubelet; Envoy's admin interface is there already"),
];

/// The commands that are to be run, in their order.
pub(super) fn all(page: &str) -> Result<Vec<Use>> {
    let mut uses = Vec::new();
    for command in console(page) {
        let begins = |with: &str| command.starts_with(with);
        if begins("istioctl install ") {
            uses.push(Use::Install(command));
        } else if begins("kubectl apply ") || begins("kubectl patch ") {
            uses.push(Use::Apply(command));
        } else if begins("igw check --admin ") || begins("igw explain --admin ") {
            uses.push(Use::Ask(command));
        } else if !NOT_HERE.iter().any(|(with, _)| begins(with)) {
            bail!("docs/istio.md: what is to be done with `{command}`?");
        }
    }
    Ok(uses)
}

/// What stands behind a `$` in blocks of the language `console`, lines joined.
fn console(page: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let (mut inside, mut open) = (false, false);
    for line in page.lines() {
        if line.starts_with("```") {
            (inside, open) = (line.starts_with("```console"), false);
        } else if inside {
            let begins = line.strip_prefix("$ ");
            let text = begins.unwrap_or(line).trim();
            let (text, goes_on) = match text.strip_suffix('\\') {
                Some(text) => (text.trim_end(), true),
                None => (text, false),
            };
            match (begins, commands.last_mut()) {
                (Some(_), _) => commands.push(text.to_owned()),
                (None, Some(last)) if open => *last = format!("{last} {text}"),
                // What the command wrote.
                (None, _) => continue,
            }
            open = goes_on;
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project;
    use std::fs;

    #[test]
    fn every_command_of_the_page_has_its_use_or_a_reason() {
        let page = fs::read_to_string(project::root().join("docs/istio.md")).unwrap();
        let uses = all(&page).unwrap();
        let count = |is: fn(&Use) -> bool| uses.iter().filter(|one| is(one)).count();
        assert_eq!(count(|one| matches!(one, Use::Install(_))), 1, "{uses:?}");
        assert_eq!(count(|one| matches!(one, Use::Apply(_))), 3, "{uses:?}");
        assert_eq!(count(|one| matches!(one, Use::Ask(_))), 2, "{uses:?}");
        for (begins, _) in NOT_HERE {
            let used = console(&page).iter().any(|command| command.starts_with(begins));
            assert!(used, "not on the page any more: {begins}");
        }
    }

    #[test]
    fn a_command_that_nobody_thought_of_is_an_error() {
        assert!(all("```console\n$ istioctl uninstall\n```\n").is_err());
        assert_eq!(all("```yaml\n$ istioctl uninstall\n```\n").unwrap(), []);
    }

    #[test]
    fn lines_that_go_on_are_one_command_and_output_is_none() {
        let page = "```console test\n$ a \\\n    b\nwritten\n$ c\n```\n";
        assert_eq!(console(page), ["a b", "c"]);
    }
}
