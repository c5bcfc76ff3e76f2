//! A release of one module, ready to be written or pushed: both forms, each with its
//! SBOM and its provenance.
//!
//! Invariant: a bundle is whole. Every digest that one of its manifests names is among
//! its blobs or its manifests, and subjects come before their referrers.

use crate::about::About;
use crate::blob::{Blob, Digest};
use crate::crates::Crates;
use crate::module::Module;
use crate::provenance::{self, Build, Subject};
use crate::referrer::{Document, attach};
use crate::sbom::{self, SbomError};
use crate::{artifact, image, media};
use oci_client::manifest::{OciDescriptor, OciImageManifest};
use std::collections::BTreeMap;
use std::io;

/// How a module is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// An image with a `tar.gz` layer; Istio calls it compat.
    Image,
    /// Two layers, one of them the raw module.
    Artifact,
}

/// All that a bundle is made of.
#[derive(Clone, Copy, Debug)]
pub struct Release<'a> {
    /// The module.
    pub module: &'a Module,
    /// What is said about it.
    pub about: &'a About,
    /// The crates that were compiled into it.
    pub crates: &'a Crates,
    /// How it was built.
    pub build: &'a Build,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The SBOM could not be made.
    #[error("no SBOM for {name}")]
    Sbom {
        /// The module's name.
        name: String,
        /// What is wrong.
        source: SbomError,
    },
    /// The layer could not be packed.
    #[error("cannot pack the layer of {name}")]
    Layer {
        /// The module's name.
        name: String,
        /// What is wrong.
        source: io::Error,
    },
    /// A document could not be written as JSON.
    #[error("cannot write JSON")]
    Json(#[from] serde_json::Error),
}

/// A manifest as it is stored.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Its bytes and digest.
    pub blob: Blob,
    /// What an index says of it.
    pub descriptor: OciDescriptor,
    /// The digest of the manifest it is about, if it is a referrer.
    pub subject: Option<String>,
}

impl Manifest {
    fn new(manifest: &OciImageManifest) -> Result<Self, serde_json::Error> {
        let blob = Blob::json(manifest)?;
        let mut descriptor = blob.descriptor(media::MANIFEST);
        descriptor.artifact_type.clone_from(&manifest.artifact_type);
        let subject = manifest.subject.as_ref().map(|subject| subject.digest.clone());
        if subject.is_some() {
            // Referrers are listed with their annotations (OCI distribution 1.1).
            descriptor.annotations.clone_from(&manifest.annotations);
        }
        Ok(Self { blob, descriptor, subject })
    }

    /// Its digest.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        self.blob.digest()
    }
}

/// A release of one module.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The module's name.
    pub name: String,
    /// The digest of the module itself.
    pub module: Digest,
    /// The compat form.
    pub image: Manifest,
    /// The artifact form.
    pub artifact: Manifest,
    /// SBOM and provenance of both.
    pub referrers: Vec<Manifest>,
    /// All content the manifests name.
    pub blobs: BTreeMap<Digest, Blob>,
}

impl Bundle {
    /// Wraps a module.
    ///
    /// # Errors
    /// See [`BundleError`].
    pub fn assemble(release: Release<'_>) -> Result<Self, BundleError> {
        let Release { module, about, crates, build } = release;
        let name = about.name.clone();
        let (image, mut blobs) = image::wrap(module, about)
            .map_err(|source| BundleError::Layer { name: name.clone(), source })?;
        let (artifact, more) = artifact::wrap(module, about)?;
        let image = Manifest::new(&image)?;
        let artifact = Manifest::new(&artifact)?;
        blobs.extend(more);

        let subjects = [
            Subject::new(format!("{name}.wasm"), module.blob().digest()),
            Subject::new(format!("{name} (image)"), image.digest()),
            Subject::new(format!("{name} (artifact)"), artifact.digest()),
        ];
        let documents = [
            Document {
                media_type: media::CYCLONEDX,
                title: format!("{name}.cdx.json"),
                annotations: Vec::new(),
                blob: sbom::write(module, about, crates, &build.compiler)
                    .map_err(|source| BundleError::Sbom { name: name.clone(), source })?,
            },
            Document {
                media_type: media::IN_TOTO,
                title: format!("{name}.intoto.json"),
                annotations: vec![(media::PREDICATE_TYPE, provenance::PREDICATE_TYPE)],
                blob: provenance::write(&subjects, about, build)?,
            },
        ];
        let mut referrers = Vec::new();
        for subject in [&image, &artifact] {
            for document in &documents {
                let manifest = attach(document, &subject.descriptor, about);
                referrers.push(Manifest::new(&manifest)?);
            }
        }
        blobs.extend(documents.into_iter().map(|document| document.blob));
        Ok(Self {
            name,
            module: module.blob().digest().clone(),
            image,
            artifact,
            referrers,
            blobs: blobs.into_iter().map(|blob| (blob.digest().clone(), blob)).collect(),
        })
    }

    /// The manifest of a form.
    #[must_use]
    pub fn form(&self, form: Form) -> &Manifest {
        match form {
            Form::Image => &self.image,
            Form::Artifact => &self.artifact,
        }
    }

    /// The referrers of a form.
    pub fn referrers_of(&self, form: Form) -> impl Iterator<Item = &Manifest> {
        let subject = self.form(form).digest().as_str();
        self.referrers.iter().filter(move |manifest| manifest.subject.as_deref() == Some(subject))
    }
}

#[cfg(test)]
pub(crate) mod tests;
