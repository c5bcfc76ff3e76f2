//! The documentation as the tests see it: its pages and their code blocks.
//!
//! Rejected: looking for lines that start with three backticks; a parser knows about
//! indented fences, longer fences and fences inside other blocks.

use crate::project;
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
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

/// README.md, CONTRIBUTING.md, and the pages in docs/ and other folders that have one.
pub(crate) fn pages() -> Vec<Page> {
    let root = project::root();
    let mut pages = Vec::new();
    for folder in ["", "charts", "cli", "dashboards", "docs", "istio"] {
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

    /// The anchors of a page's headings, as where the project is hosted and in the book.
    fn anchors(page: &str) -> Vec<String> {
        let mut anchors: Vec<String> = Vec::new();
        let mut heading: Option<String> = None;
        for event in Parser::new(page) {
            match (event, &mut heading) {
                (Event::Start(Tag::Heading { .. }), _) => heading = Some(String::new()),
                (Event::Text(text) | Event::Code(text), Some(heading)) => *heading += &text,
                (Event::End(TagEnd::Heading(_)), Some(text)) => {
                    let kept = text.to_lowercase().replace(' ', "-");
                    let word = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_');
                    let anchor: String = kept.chars().filter(word).collect();
                    let same = anchors.iter().filter(|one| **one == anchor).count();
                    anchors.push(if same == 0 { anchor } else { format!("{anchor}-{same}") });
                    heading = None;
                }
                _ => {}
            }
        }
        anchors
    }

    #[test]
    fn a_heading_s_anchor_has_its_words_without_marks() {
        let page = "# One, `two_3`!\n\n## Same\n\n## Same\n";
        assert_eq!(anchors(page), ["one-two_3", "same", "same-1"]);
    }

    #[test]
    fn a_link_within_the_project_leads_to_a_file_and_to_a_heading_in_it() {
        let root = project::root();
        let (mut wrong, mut to_headings) = (Vec::new(), 0);
        for page in pages() {
            let folder = root.join(&page.name).parent().unwrap().to_owned();
            for event in Parser::new(&page.text) {
                let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event
                else {
                    continue;
                };
                if dest_url.contains("://") {
                    continue;
                }
                let (file, heading) = match dest_url.split_once('#') {
                    Some((file, heading)) => (file, Some(heading)),
                    None => (&*dest_url, None),
                };
                let path = if file.is_empty() { root.join(&page.name) } else { folder.join(file) };
                let there = match heading {
                    None => path.exists(),
                    Some(heading) => {
                        to_headings += 1;
                        let text = fs::read_to_string(&path).unwrap_or_default();
                        anchors(&text).iter().any(|anchor| anchor == heading)
                    }
                };
                if !there {
                    wrong.push(format!("{} links to {dest_url}", page.name));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(to_headings > 20, "only {to_headings} links to headings found");
    }

    #[test]
    fn the_book_has_every_page_of_its_folder_once() {
        let summary = fs::read_to_string(project::root().join("docs/SUMMARY.md")).unwrap();
        let mut named: Vec<String> = Parser::new(&summary)
            .filter_map(|event| match event {
                Event::Start(Tag::Link { dest_url, .. }) => Some(format!("docs/{dest_url}")),
                _ => None,
            })
            .collect();
        named.sort();
        let docs = pages()
            .into_iter()
            .map(|page| page.name)
            .filter(|name| name.starts_with("docs/") && name != "docs/SUMMARY.md");
        assert_eq!(named, docs.collect::<Vec<_>>());
    }

    #[test]
    fn the_book_is_made_of_the_documentation_s_folder() {
        let text = fs::read_to_string(project::root().join("book.toml")).unwrap();
        assert!(text.contains("\n[book]\n") && text.contains("\nsrc = \"docs\"\n"), "{text}");
    }
}
