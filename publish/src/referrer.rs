//! Documents about a manifest, attached to it: SBOM and provenance.
//!
//! Invariant: a referrer names its subject by digest (`subject` of OCI's image
//! specification 1.1), so nothing about the subject changes when one is attached.
//! Rejected: the documents as layers of the module's image; Istio takes the last layer
//! for the module, and the artifact form allows no third.

use crate::about::About;
use crate::artifact::empty;
use crate::blob::Blob;
use crate::media;
use oci_client::manifest::{OciDescriptor, OciImageManifest};

/// A document about a release.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// Its media type, which is also the artifact type of the referrer.
    pub(crate) media_type: &'static str,
    /// Its file's name.
    pub(crate) title: String,
    /// Further annotations of the referrer.
    pub(crate) annotations: Vec<(&'static str, &'static str)>,
    /// The document.
    pub(crate) blob: Blob,
}

/// The manifest that attaches a document.
pub(crate) fn attach(
    document: &Document,
    subject: &OciDescriptor,
    about: &About,
) -> OciImageManifest {
    let mut annotations = about.annotations();
    annotations.insert(media::TITLE.to_owned(), document.title.clone());
    for (key, value) in &document.annotations {
        annotations.insert((*key).to_owned(), (*value).to_owned());
    }
    OciImageManifest {
        media_type: Some(media::MANIFEST.to_owned()),
        artifact_type: Some(document.media_type.to_owned()),
        config: empty().descriptor(media::EMPTY),
        layers: vec![document.blob.titled(document.media_type, &document.title)],
        // The plain descriptor; annotations and type of the subject are its own affair.
        subject: Some(OciDescriptor {
            media_type: subject.media_type.clone(),
            digest: subject.digest.clone(),
            size: subject.size,
            ..OciDescriptor::default()
        }),
        annotations: Some(annotations),
        ..OciImageManifest::default()
    }
}
