//! Values of charts, which have no `kind`: their own keys tell which chart it is.

use super::Source;
use super::document::{Body, Document, document};
use super::tree::Tree;
use super::typed::{self, Subject};
use crate::diagnostics::{Fault, FaultKind, Notice};
use crate::intent::ObjectName;

/// Values of a chart: a mapping with one of the charts' own keys.
pub(super) fn read(
    tree: Tree,
    source: &Source,
    namespace: &str,
    notices: &mut Vec<Notice>,
) -> Result<Option<Document>, Fault> {
    let has = |key: &str| tree.value.get(key).is_some();
    let name = source.release.clone();
    let text = name.clone().unwrap_or_default();
    let pool =
        ["inferencePool", "experimentalHttpRoute", "inferenceExtension"].into_iter().any(has);
    let body = if pool {
        let subject = Subject { kind: "values of inferencepool", name: &text };
        Body::PoolValues(typed::read(&tree, subject, notices)?)
    } else if ["bbr", "provider", "inferenceGateway"].into_iter().any(has) {
        let subject = Subject { kind: "values of body-based-routing", name: &text };
        Body::BbrValues(typed::read(&tree, subject, notices)?)
    } else {
        return Err(Fault { origin: tree.places.at(""), kind: FaultKind::Empty });
    };
    let Some(name) = name else {
        return Err(Fault { origin: tree.places.at(""), kind: FaultKind::NoRelease });
    };
    let name = ObjectName { namespace: namespace.to_owned(), name };
    Ok(Some(document(name, body, tree)))
}
