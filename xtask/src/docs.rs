//! `cargo xtask docs`: the files that are generated from the types.
//!
//! Invariant: what is committed is what the types say; a test, and `--check`, compare
//! them. Rejected: generating them at build time into a folder that is not committed;
//! operators read them where the project is hosted.

#[cfg(test)]
mod examples;
#[cfg(test)]
mod log_lines;
mod reference;
#[cfg(test)]
mod snippets;

use crate::project;
use anyhow::{Context, Result, bail};
use schemars::schema_for;
use serde_json::Value;
use shared::bbr::BbrConfig;
use shared::picker::PickerConfig;
use std::fs;

/// What `cargo xtask docs` can be told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Write nothing; fail if a committed file is not what would be generated
    #[arg(long)]
    check: bool,
}

/// A generated file: its path from the project's root, and its text.
struct Page {
    path: String,
    text: String,
}

/// Writes the generated files, or compares them.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let stale = stale(pages()?);
    if arguments.check {
        return match stale.as_slice() {
            [] => Ok(()),
            _ => {
                let names: Vec<&str> = stale.iter().map(|page| page.path.as_str()).collect();
                bail!("{} not up to date; run: cargo xtask docs", names.join(" and "))
            }
        };
    }
    for Page { path, text } in stale {
        let file = project::root().join(&path);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        println!("wrote {path}");
    }
    Ok(())
}

/// A filter's configuration.
struct Filter {
    /// Names the filter in `docs/<name>-filter.schema.json` and in the page's places.
    name: &'static str,
    schema: Value,
}

fn filters() -> [Filter; 2] {
    [
        Filter { name: "bbr", schema: schema_for!(BbrConfig).to_value() },
        Filter { name: "picker", schema: schema_for!(PickerConfig).to_value() },
    ]
}

fn pages() -> Result<Vec<Page>> {
    let filters = filters();
    let configuration =
        Page { path: "docs/configuration.md".to_owned(), text: reference::page(&filters) };
    let schemas = filters.iter().map(|Filter { name, schema }| {
        Ok(Page {
            path: format!("docs/{name}-filter.schema.json"),
            text: serde_json::to_string_pretty(schema)? + "\n",
        })
    });
    schemas.chain([Ok(configuration)]).collect()
}

/// Those that differ from what lies in the project.
fn stale(pages: impl IntoIterator<Item = Page>) -> Vec<Page> {
    let differs = |page: &Page| {
        let committed = fs::read_to_string(project::root().join(&page.path));
        committed.ok().as_deref() != Some(page.text.as_str())
    };
    pages.into_iter().filter(differs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_files_are_what_the_types_say() {
        let stale = stale(pages().unwrap());
        let names: Vec<&str> = stale.iter().map(|page| page.path.as_str()).collect();
        assert!(names.is_empty(), "run `cargo xtask docs`: {names:?} not up to date");
    }

    #[test]
    fn a_file_that_differs_or_is_missing_is_stale() {
        let missing = Page { path: "docs/no-such-file".to_owned(), text: String::new() };
        let other = Page { path: "Cargo.toml".to_owned(), text: "other".to_owned() };
        let root = fs::read_to_string(project::root().join("Cargo.toml")).unwrap();
        let same = Page { path: "Cargo.toml".to_owned(), text: root };
        let stale = stale([missing, other, same]);
        assert_eq!(stale.len(), 2);
    }
}
