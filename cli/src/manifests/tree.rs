//! A document as a tree of values, and the line of each of them.
//!
//! Invariant: no key stands twice in a mapping, and aliases cannot blow a small file up
//! (the parser sees to both). Paths are written `spec.rules.0.matches`.

use super::Source;
use crate::diagnostics::{Fault, FaultKind, Origin};
use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A document.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    /// Its content.
    pub(crate) value: Value,
    /// Where its parts stand.
    pub(crate) places: Places,
}

/// The lines of a document's parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    file: Arc<str>,
    lines: BTreeMap<String, usize>,
}

impl Places {
    /// Where `path` stands; if nothing does, the nearest part around it.
    #[must_use]
    pub fn at(&self, path: &str) -> Origin {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return Origin { file: Arc::clone(&self.file), line: *line };
            }
            match path.rfind('.') {
                Some(end) => path = path.get(..end).unwrap_or_default(),
                None if path.is_empty() => return Origin { file: Arc::clone(&self.file), line: 1 },
                None => path = "",
            }
        }
    }

    /// The places below `path`, as if `path` were the document.
    fn below(&self, path: &str) -> Self {
        let mut lines = BTreeMap::new();
        for (key, line) in &self.lines {
            if let Some(rest) = key.strip_prefix(path)
                && (rest.is_empty() || rest.starts_with('.'))
            {
                lines.insert(rest.trim_start_matches('.').to_owned(), *line);
            }
        }
        Self { file: Arc::clone(&self.file), lines }
    }
}

/// Reads all documents of a stream; empty ones are left out, and lists (`kind: List`, as
/// `kubectl get -o yaml` prints them) are taken apart.
pub(crate) fn parse(source: &Source) -> Result<Vec<Tree>, Fault> {
    let nodes = MarkedYaml::load_from_str(&source.text).map_err(|error| {
        let line = error.marker().line();
        let reason = error.info().to_owned();
        Fault {
            origin: Origin { file: Arc::clone(&source.name), line },
            kind: FaultKind::Yaml { reason },
        }
    })?;
    let mut trees = Vec::new();
    for node in &nodes {
        let mut lines = BTreeMap::new();
        let value = convert(node, "", &mut lines);
        let tree = Tree { value, places: Places { file: Arc::clone(&source.name), lines } };
        trees.extend(items(tree));
    }
    Ok(trees)
}

fn items(tree: Tree) -> Vec<Tree> {
    if tree.value.is_null() {
        return Vec::new();
    }
    let kind = tree.value.get("kind").and_then(Value::as_str);
    let Some(items) = tree.value.get("items").and_then(Value::as_array) else {
        return vec![tree];
    };
    if !kind.is_some_and(|kind| kind.ends_with("List")) {
        return vec![tree];
    }
    let one = |(index, value): (usize, &Value)| Tree {
        value: value.clone(),
        places: tree.places.below(&format!("items.{index}")),
    };
    items.iter().enumerate().map(one).collect()
}

fn convert(node: &MarkedYaml<'_>, path: &str, lines: &mut BTreeMap<String, usize>) -> Value {
    lines.entry(path.to_owned()).or_insert_with(|| node.span.start.line());
    match &node.data {
        YamlData::Value(scalar) => self::scalar(scalar),
        YamlData::Representation(text, ..) => Value::String(text.to_string()),
        YamlData::Sequence(items) => {
            let item = |(index, item)| convert(item, &join(path, &format!("{index}")), lines);
            Value::Array(items.iter().enumerate().map(item).collect())
        }
        YamlData::Mapping(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let name = match &key.data {
                    YamlData::Value(Scalar::String(name)) => name.to_string(),
                    YamlData::Value(other) => scalar(other).to_string(),
                    _ => continue,
                };
                let path = join(path, &name);
                // The key's line: a block below it begins later.
                lines.insert(path.clone(), key.span.start.line());
                map.insert(name, convert(value, &path, lines));
            }
            Value::Object(map)
        }
        YamlData::Tagged(_, inner) => convert(inner, path, lines),
        YamlData::Alias(_) | YamlData::BadValue => Value::Null,
    }
}

fn scalar(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Bool(*value),
        Scalar::Integer(value) => Value::from(*value),
        Scalar::FloatingPoint(value) => {
            Number::from_f64(value.into_inner()).map_or(Value::Null, Value::Number)
        }
        Scalar::String(text) => Value::String(text.to_string()),
    }
}

fn join(path: &str, part: &str) -> String {
    if path.is_empty() { part.to_owned() } else { format!("{path}.{part}") }
}
