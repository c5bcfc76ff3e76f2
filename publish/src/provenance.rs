//! How a module came to be: an in-toto statement with SLSA's provenance v1.
//!
//! Invariant: the statement names what it is about by digest, the module and both
//! manifests, and holds nothing that differs between two builds of one commit: no times,
//! no paths, no names of machines. It is not signed; whoever publishes may sign the
//! manifests with a tool for that.
//! Rejected: the crates as resolved dependencies; they stand in the SBOM, and the lock
//! file's digest, here, fixes them.

use crate::about::About;
use crate::blob::{Blob, Digest};
use serde::Serialize;

/// What the statement states.
pub const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";

/// The builder, unless one is named: somebody's machine.
pub const LOCAL_BUILDER: &str = "urn:x-inference-gateway:builder:local";

const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// How to read the parameters; docs/publish.md says it.
const BUILD_TYPE: &str = "urn:x-inference-gateway:build:cargo-xtask-publish:v1";

/// How a module was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// Cargo's package.
    pub package: String,
    /// The compiler's target.
    pub target: String,
    /// Cargo's profile.
    pub profile: String,
    /// What the compiler calls itself, `rustc` and its version included.
    pub compiler: String,
    /// A URI of who built it.
    pub builder: String,
    /// The digest of `Cargo.lock`.
    pub lock: Digest,
}

/// What a statement is about.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Subject {
    name: String,
    digest: Sha256,
}

impl Subject {
    pub(crate) fn new(name: String, digest: &Digest) -> Self {
        Self { name, digest: Sha256::new(digest) }
    }
}

#[derive(Clone, Debug, Serialize)]
struct Sha256 {
    sha256: String,
}

impl Sha256 {
    fn new(digest: &Digest) -> Self {
        Self { sha256: digest.hex().to_owned() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Statement<'a> {
    #[serde(rename = "_type")]
    r#type: &'static str,
    subject: &'a [Subject],
    predicate_type: &'static str,
    predicate: Predicate<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Predicate<'a> {
    build_definition: Definition<'a>,
    run_details: Run<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Definition<'a> {
    build_type: &'static str,
    external_parameters: External<'a>,
    internal_parameters: Internal<'a>,
    resolved_dependencies: Vec<Resource<'a>>,
}

#[derive(Serialize)]
struct External<'a> {
    package: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<&'a str>,
}

#[derive(Serialize)]
struct Internal<'a> {
    compiler: &'a str,
    target: &'a str,
    profile: &'a str,
}

#[derive(Serialize)]
struct Resource<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    digest: ResourceDigest<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum ResourceDigest<'a> {
    GitCommit(&'a str),
    Sha256(&'a str),
}

#[derive(Serialize)]
struct Run<'a> {
    builder: Builder<'a>,
}

#[derive(Serialize)]
struct Builder<'a> {
    id: &'a str,
}

/// The statement.
pub(crate) fn write(
    subject: &[Subject],
    about: &About,
    build: &Build,
) -> Result<Blob, serde_json::Error> {
    let revision = about.revision.as_deref();
    // A dirty tree is no commit; then only the parameters tell what it was near to.
    let commit = revision.filter(|revision| revision.bytes().all(|c| c.is_ascii_hexdigit()));
    let sources = commit.map(|commit| Resource {
        name: about.source.is_none().then_some("sources"),
        uri: about.source.as_ref().map(|source| format!("git+{source}@{commit}")),
        digest: ResourceDigest::GitCommit(commit),
    });
    let lock = Resource {
        name: Some("Cargo.lock"),
        uri: None,
        digest: ResourceDigest::Sha256(build.lock.hex()),
    };
    Blob::json(&Statement {
        r#type: STATEMENT_TYPE,
        subject,
        predicate_type: PREDICATE_TYPE,
        predicate: Predicate {
            build_definition: Definition {
                build_type: BUILD_TYPE,
                external_parameters: External {
                    package: &build.package,
                    source: about.source.as_deref(),
                    revision,
                },
                internal_parameters: Internal {
                    compiler: &build.compiler,
                    target: &build.target,
                    profile: &build.profile,
                },
                resolved_dependencies: sources.into_iter().chain([lock]).collect(),
            },
            run_details: Run { builder: Builder { id: &build.builder } },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::tests::{about, build};
    use serde_json::{Value, json};

    fn statement(about: &About) -> Value {
        let subject = [Subject::new("a.wasm".to_owned(), &Digest::of(b"a"))];
        let blob = write(&subject, about, &build()).unwrap();
        serde_json::from_slice(blob.bytes()).unwrap()
    }

    #[test]
    fn the_statement_names_subject_sources_and_lock_file() {
        let statement = statement(&about());
        assert_eq!(statement["_type"], STATEMENT_TYPE);
        assert_eq!(statement["predicateType"], PREDICATE_TYPE);
        assert_eq!(statement["subject"][0]["digest"]["sha256"], Digest::of(b"a").hex());
        let definition = &statement["predicate"]["buildDefinition"];
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let expected = json!([
            {
                "uri": format!("git+https://git.example/gateway@{commit}"),
                "digest": { "gitCommit": commit },
            },
            { "name": "Cargo.lock", "digest": { "sha256": Digest::of(b"lock").hex() } },
        ]);
        assert_eq!(definition["resolvedDependencies"], expected);
        assert_eq!(statement["predicate"]["runDetails"]["builder"]["id"], LOCAL_BUILDER);
    }

    #[test]
    fn changed_files_are_not_passed_off_as_a_commit() {
        let about = About { revision: Some("0123abc-dirty".to_owned()), ..about() };
        let statement = statement(&about);
        let definition = &statement["predicate"]["buildDefinition"];
        assert_eq!(definition["externalParameters"]["revision"], "0123abc-dirty");
        assert_eq!(definition["resolvedDependencies"].as_array().unwrap().len(), 1);
    }
}
