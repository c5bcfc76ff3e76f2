//! Builds an [`Intent`] of documents.
//!
//! Invariant: the order of the documents does not matter: they are sorted by what they
//! are and say before anything is built. Each part is built by a module of its own, in an
//! order in which each needs only what is there already.

mod claims;
mod duration;
mod endpoints;
mod follow;
mod gateways;
mod matches;
mod models;
mod pools;
mod priorities;
mod rewrites;
mod routes;
mod servers;
mod unique;

use super::{Endpoints, Intent, ObjectName, Pool};
use crate::diagnostics::{Assumption, Doubt, Fault, FaultKind, Notice, NoticeKind, Origin, Shape};
use crate::manifests::{Body, Document};

/// How to understand manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Where pools' endpoints are, by the pool's id or `namespace/name`.
    pub endpoints: Vec<(String, Endpoints)>,
    /// Take pools and models that nothing defines as given, since simulated servers stand
    /// in for them.
    pub assume: bool,
}

/// Builds the intent; also everything the user should know about it.
///
/// # Errors
/// All contradictions in the documents.
pub fn build(
    documents: Vec<Document>,
    settings: &Settings,
) -> Result<(Intent, Vec<Notice>), Vec<Fault>> {
    let mut builder = Builder {
        settings,
        documents: Vec::new(),
        intent: Intent::default(),
        notices: Vec::new(),
        faults: Vec::new(),
    };
    builder.documents = unique::sort(documents, &mut builder.notices, &mut builder.faults);
    builder.pools();
    builder.routes();
    builder.gateways();
    let claims = builder.claims();
    builder.rewrites();
    builder.models(&claims);
    builder.follow();
    builder.servers();
    builder.priorities();
    builder.endpoints();
    builder.finish()
}

struct Builder<'a> {
    settings: &'a Settings,
    /// Sorted, and no object twice but HTTPRoutes.
    documents: Vec<Document>,
    intent: Intent,
    notices: Vec<Notice>,
    faults: Vec<Fault>,
}

impl Builder<'_> {
    fn finish(mut self) -> Result<(Intent, Vec<Notice>), Vec<Fault>> {
        self.faults.sort();
        self.faults.dedup();
        self.notices.sort();
        self.notices.dedup();
        self.intent.gateways.sort_by(|a, b| a.name.cmp(&b.name));
        self.intent.routes.sort_by(|a, b| (a.implied, &a.name).cmp(&(b.implied, &b.name)));
        self.intent.pools.sort_by(|a, b| a.name.cmp(&b.name));
        if self.faults.is_empty() { Ok((self.intent, self.notices)) } else { Err(self.faults) }
    }

    fn fault(&mut self, origin: Origin, kind: FaultKind) {
        self.faults.push(Fault { origin, kind });
    }

    fn wrong(
        &mut self,
        document: &Document,
        path: &str,
        value: impl Into<String>,
        expected: &'static str,
    ) {
        let reason = Shape::Value { value: value.into(), expected };
        let kind = document.kind().to_owned();
        let kind = FaultKind::Field { kind, path: path.to_owned(), reason };
        self.fault(document.places.at(path), kind);
    }

    fn understood(&mut self, document: &Document, meaning: String) {
        let name = document.name.to_string();
        let kind = NoticeKind::Understood { kind: document.kind(), name, meaning };
        self.notices.push(Notice { origin: document.origin(), kind });
    }

    fn assumed(&mut self, origin: Origin, subject: String, assumption: Assumption) {
        let kind = NoticeKind::Assumed { subject, assumption };
        self.notices.push(Notice { origin, kind });
    }

    fn doubtful(&mut self, origin: Origin, subject: String, doubt: Doubt) {
        let kind = NoticeKind::Doubtful { subject, doubt };
        self.notices.push(Notice { origin, kind });
    }

    /// The documents that `choose` takes something from.
    fn each<T>(&self, choose: impl Fn(&Body) -> Option<T>) -> Vec<(Document, T)> {
        let chosen = self.documents.iter();
        chosen.filter_map(|one| Some((one.clone(), choose(&one.body)?))).collect()
    }

    /// The pool of this name, which is there afterwards, or a fault is. A pool that no
    /// document defines is taken as given if none of the files defines any (charts
    /// install pools), if `--endpoints` says where it is, or if servers are simulated.
    fn refer(&mut self, name: &ObjectName, referrer: &str, origin: &Origin) {
        if self.intent.pool(name).is_some() {
            return;
        }
        let defined: Vec<String> =
            self.intent.pools.iter().filter(|p| !p.implied).map(|p| p.name.to_string()).collect();
        let told = [name.name.clone(), name.to_string()];
        let told = self.settings.endpoints.iter().any(|(pool, _)| told.contains(pool));
        if !defined.is_empty() && !told && !self.settings.assume {
            let kind = FaultKind::UnknownPool {
                referrer: referrer.to_owned(),
                pool: name.to_string(),
                known: defined,
            };
            return self.fault(origin.clone(), kind);
        }
        let exists =
            Assumption::PoolExists { referrer: referrer.to_owned(), port: pools::DEFAULT_PORT };
        self.assumed(origin.clone(), format!("InferencePool {name}"), exists);
        self.intent.pools.push(Pool::implied(name.clone(), origin.clone()));
    }
}

/// `1 thing`, `2 things`.
fn count(number: usize, thing: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{s}")
}
