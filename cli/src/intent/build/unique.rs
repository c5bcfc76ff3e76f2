//! Sorts documents by what they are and say, and finds those that stand twice.

use crate::diagnostics::{Fault, FaultKind, Notice, NoticeKind};
use crate::manifests::{Body, Document};

/// Sorts `documents` and takes out repetitions. One object in two forms is a fault; only
/// HTTPRoutes of one name are kept side by side, as the guides show variants of a route.
pub(super) fn sort(
    mut documents: Vec<Document>,
    notices: &mut Vec<Notice>,
    faults: &mut Vec<Fault>,
) -> Vec<Document> {
    // The content as text is the last word, so the order of the files has none but for
    // equal documents, of which the first by place is kept.
    documents.sort_by_cached_key(|one| {
        (one.kind(), one.name.clone(), one.content.to_string(), one.origin())
    });
    let mut kept: Vec<Document> = Vec::with_capacity(documents.len());
    for document in documents {
        let twin =
            kept.last().filter(|last| last.kind() == document.kind() && last.name == document.name);
        let Some(twin) = twin else {
            kept.push(document);
            continue;
        };
        let (kind, name, other) = (document.kind(), document.name.to_string(), twin.origin());
        let same = twin.content == document.content;
        let route = matches!(document.body, Body::HttpRoute(_));
        if !same && !route {
            faults.push(Fault {
                origin: document.origin(),
                kind: FaultKind::Conflict { kind, name, other },
            });
            continue;
        }
        let taken = if same {
            "the same, so it counts once"
        } else {
            "different: a cluster would keep the one applied last, here both count"
        };
        notices.push(Notice {
            origin: document.origin(),
            kind: NoticeKind::Twice { kind, name, other, taken },
        });
        if !same {
            kept.push(document);
        }
    }
    kept
}
