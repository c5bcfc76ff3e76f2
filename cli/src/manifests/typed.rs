//! Reads a tree as a type: faults get the line of the field, and fields that the type does
//! not have are noted.

use super::tree::Tree;
use crate::diagnostics::{Fault, FaultKind, Notice, NoticeKind, Shape};
use serde::de::DeserializeOwned;
use serde_ignored::Path;
use serde_path_to_error::{Segment, Track};

/// Whose fields are read, for messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) kind: &'static str,
    pub(super) name: &'a str,
}

/// What every object may have and nothing here depends on.
const NEVER_MATTERS: [&str; 4] = ["apiVersion", "kind", "status", "metadata"];

/// Reads `tree` as a `T` and notes every field it does not have.
pub(super) fn read<T: DeserializeOwned>(
    tree: &Tree,
    subject: Subject<'_>,
    notices: &mut Vec<Notice>,
) -> Result<T, Fault> {
    let mut track = Track::new();
    let deserializer = serde_path_to_error::Deserializer::new(&tree.value, &mut track);
    let mut ignored = Vec::new();
    let result = serde_ignored::deserialize(deserializer, |path| ignored.push(dotted(&path)));
    let value = result.map_err(|error| fault(tree, subject.kind, &track.path(), &error))?;
    for path in ignored {
        if NEVER_MATTERS.iter().any(|first| path.split('.').next() == Some(*first)) {
            continue;
        }
        notices.push(Notice {
            origin: tree.places.at(&path),
            kind: NoticeKind::IgnoredField {
                kind: subject.kind,
                name: subject.name.to_owned(),
                path,
            },
        });
    }
    Ok(value)
}

/// As [`read`], without a word about further fields.
pub(super) fn read_some<T: DeserializeOwned>(tree: &Tree, kind: &str) -> Result<T, Fault> {
    let mut track = Track::new();
    let deserializer = serde_path_to_error::Deserializer::new(&tree.value, &mut track);
    T::deserialize(deserializer).map_err(|error| fault(tree, kind, &track.path(), &error))
}

fn fault(
    tree: &Tree,
    kind: &str,
    path: &serde_path_to_error::Path,
    error: &serde_json::Error,
) -> Fault {
    let part = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { variant } => Some(variant.clone()),
        Segment::Unknown => None,
    };
    let path = path.iter().filter_map(part).collect::<Vec<_>>().join(".");
    let origin = tree.places.at(&path);
    let path = if path.is_empty() { "the document".to_owned() } else { path };
    let reason = Shape::Type(error.to_string());
    Fault { origin, kind: FaultKind::Field { kind: kind.to_owned(), path, reason } }
}

fn dotted(path: &Path<'_>) -> String {
    let join = |parent: &Path<'_>, part: &str| match dotted(parent) {
        parent if parent.is_empty() => part.to_owned(),
        parent => format!("{parent}.{part}"),
    };
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => join(parent, &index.to_string()),
        Path::Map { parent, key } => join(parent, key),
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => dotted(parent),
    }
}
