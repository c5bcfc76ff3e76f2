//! The documentation as the tests see it: its pages and their code blocks.
//!
//! Rejected: looking for lines that start with three backticks; a parser knows about
//! indented fences, longer fences and fences inside other blocks.

use crate::project;
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};
use std::fs;
use std::path::Path;

/// A page of the documentation.
pub(crate) struct Page {
    /// Its path from the project's root.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// A fenced code block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CodeBlock {
    /// What stands behind the fence.
    pub(crate) info: String,
    pub(crate) text: String,
}

/// README.md, CONTRIBUTING.md, and the pages in docs/ and istio/.
pub(crate) fn pages() -> Vec<Page> {
    let root = project::root();
    let mut pages = Vec::new();
    for folder in ["", "docs", "istio"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let name = path.strip_prefix(&root).unwrap_or(Path::new("")).display().to_string();
                pages.push(Page { name, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    pages.sort_by(|a, b| a.name.cmp(&b.name));
    pages
}

/// The fenced code blocks of a page, in their order.
pub(crate) fn code_blocks(page: &str) -> impl Iterator<Item = CodeBlock> {
    let mut events = Parser::new(page);
    std::iter::from_fn(move || {
        let info = events.by_ref().find_map(|event| match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => Some(info.to_string()),
            _ => None,
        })?;
        let text = events.by_ref().map_while(|event| match event {
            Event::Text(text) => Some(text.to_string()),
            _ => None,
        });
        Some(CodeBlock { info, text: text.collect() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fenced_blocks_are_found_with_their_info_wherever_they_stand() {
        let page = "text\n\n```json\n{}\n```\n\n    ```not this\n\n- item\n\n  ````console test\n  $ a\n  ```\n  ````\n";
        let blocks: Vec<_> = code_blocks(page).map(|block| (block.info, block.text)).collect();
        let expected = [("json", "{}\n"), ("console test", "$ a\n```\n")];
        assert_eq!(blocks, expected.map(|(info, text)| (info.to_owned(), text.to_owned())));
    }

    #[test]
    fn a_link_to_a_file_of_the_project_leads_to_it() {
        let root = project::root();
        for page in pages() {
            let folder = root.join(&page.name).parent().unwrap().to_owned();
            for event in Parser::new(&page.text) {
                let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event
                else {
                    continue;
                };
                if dest_url.contains("://") || dest_url.starts_with('#') {
                    continue;
                }
                let file = dest_url.split('#').next().unwrap();
                assert!(folder.join(file).exists(), "{} links to {dest_url}", page.name);
            }
        }
    }
}
