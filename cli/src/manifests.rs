//! Reads the user's files: YAML streams in, typed documents with places out.
//!
//! Invariant: whatever a document says and this program does not understand is reported,
//! with its line. So the Gateway API and InferencePool types here are small, and hold what
//! the intent uses; all other fields are ignored *and named*. Rejected for these: the
//! types of the crate `gateway-api`. They hold every field, so that each ignored one would
//! have to be looked for by hand; and they bring a Kubernetes client with TLS into a
//! program that talks to no cluster. Services and Deployments, of which most fields
//! never matter here, are `k8s-openapi`'s.

mod adapters;
mod document;
mod input;
pub mod kinds;
mod spelling;
mod tree;
mod typed;
mod types;
mod values;

use crate::diagnostics::{Fault, FaultKind, Notice, Origin};
use std::sync::Arc;

pub(crate) use document::understand;
pub use document::{Body, Document};
pub use input::{Input, Source};
pub(crate) use tree::{Tree, parse as trees};
pub(crate) use types::fault as type_fault;

/// What reading came to.
#[derive(Debug, Default)]
pub struct Manifests {
    /// The documents that play a part, in the order of the files.
    pub documents: Vec<Document>,
    /// What was ignored.
    pub notices: Vec<Notice>,
}

/// Reads `inputs`. Objects without a namespace get `namespace`.
///
/// # Errors
/// All faults of all files: unreadable files, bad YAML, fields of a wrong type.
pub fn read(inputs: &[Input], namespace: &str) -> Result<Manifests, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut sources = Vec::new();
    for input in inputs {
        match input.sources() {
            Ok(found) => sources.extend(found),
            Err(fault) => faults.push(fault),
        }
    }
    let mut manifests = parse(&sources, namespace).unwrap_or_else(|more| {
        faults.extend(more);
        Manifests::default()
    });
    manifests.notices.sort();
    if let Some(first) = sources.first()
        && manifests.documents.is_empty()
        && faults.is_empty()
    {
        let origin = Origin { file: Arc::clone(&first.name), line: 1 };
        faults.push(Fault { origin, kind: FaultKind::Empty });
    }
    if faults.is_empty() { Ok(manifests) } else { Err(faults) }
}

/// Reads texts that are in memory already.
///
/// # Errors
/// As [`read`].
pub fn parse(sources: &[Source], namespace: &str) -> Result<Manifests, Vec<Fault>> {
    let mut manifests = Manifests::default();
    let mut faults = Vec::new();
    for source in sources {
        let trees = match tree::parse(source) {
            Ok(trees) => trees,
            Err(fault) => {
                faults.push(fault);
                continue;
            }
        };
        for tree in trees {
            match understand(tree, source, namespace, &mut manifests.notices) {
                Ok(Some(document)) => manifests.documents.push(document),
                Ok(None) => {}
                Err(fault) => faults.push(fault),
            }
        }
    }
    if faults.is_empty() { Ok(manifests) } else { Err(faults) }
}
