//! A pull by the rules of Istio's agent.
//!
//! The agent takes three kinds of images, in this order: Docker's, whose last layer is a
//! `tar.gz` of Docker's media type; OCI's, whose last layer is a `tar.gz` of OCI's; and
//! two layers of which one is the raw module. What it cannot read in one way it tries in
//! the next, except that an image of Docker's is nothing else.
//!
//! Invariant: what comes back here, Istio gets too, byte for byte. So the rules are the
//! agent's and not kinder: a list of images for several platforms is refused, and so is
//! more than 256 MiB. Rejected: the client's `pull`; it knows neither kind.

use crate::blob::{Blob, Digest};
use crate::registry::{Registry, RegistryError};
use crate::{image, media};
use flate2::read::GzDecoder;
use oci_client::manifest::{OciDescriptor, OciImageManifest};
use std::io::{self, Read};

/// The largest module that the agent takes, in bytes.
const MODULE_MAX: u64 = 256 << 20;

/// The beginning of every module; all that the agent checks.
const MAGIC: &[u8] = b"\0asm";

/// What the agent says it can read.
const ACCEPTED: [&str; 4] = [
    media::DOCKER_MANIFEST,
    "application/vnd.docker.distribution.manifest.list.v2+json",
    media::MANIFEST,
    media::INDEX,
];

/// The kind of image that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Docker's media types.
    Docker,
    /// OCI's image: the compat form.
    Image,
    /// The raw module in a layer of its own: the artifact form.
    Artifact,
}

/// A module that was pulled.
#[derive(Clone, Debug)]
pub struct Pulled {
    /// The digest of the manifest: `sha256` of a `WasmPlugin`.
    pub digest: Digest,
    /// How it was wrapped.
    pub kind: Kind,
    /// The module.
    pub module: Blob,
}

/// Why a kind does not fit an image.
#[derive(Debug, thiserror::Error)]
pub enum Misfit {
    /// It has no layers.
    #[error("it has no layer")]
    NoLayer,
    /// The last layer is of another kind.
    #[error("its last layer is {found}, not {wanted}")]
    LastLayer {
        /// Its media type.
        found: String,
        /// The kind's.
        wanted: &'static str,
    },
    /// The artifact form has two.
    #[error("it has {found} layers, not 2")]
    Layers {
        /// How many it has.
        found: usize,
    },
    /// The artifact form has one of the module's media type.
    #[error("it has no layer of the type {}", media::WASM_LAYER)]
    NoModule,
    /// The layer is no `tar.gz`.
    #[error("its layer cannot be unpacked: {0}")]
    Unpack(#[from] io::Error),
    /// The layer has no `plugin.wasm`.
    #[error("its layer holds no {}", image::PLUGIN)]
    NoPlugin,
    /// Larger than the agent takes.
    #[error("its module is larger than {MODULE_MAX} bytes")]
    TooLarge,
}

/// Why nothing was pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// No manifest of one image.
    #[error("{name} {reference} is no manifest of one image")]
    Manifest {
        /// The module's name.
        name: String,
        /// Tag or digest.
        reference: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// No kind fits.
    #[error("{name} {reference} is of no kind that Istio takes: {}", listed(tried))]
    NoKind {
        /// The module's name.
        name: String,
        /// Tag or digest.
        reference: String,
        /// What was tried, and why it does not fit.
        tried: Vec<(Kind, Misfit)>,
    },
    /// It is no module.
    #[error("{name} {reference} holds no Wasm module")]
    NoWasm {
        /// The module's name.
        name: String,
        /// Tag or digest.
        reference: String,
    },
    /// It is not what was pushed.
    #[error("{name} {reference} came back as something else")]
    Differs {
        /// The module's name.
        name: String,
        /// Tag or digest.
        reference: String,
    },
}

fn listed(tried: &[(Kind, Misfit)]) -> String {
    let each: Vec<_> = tried.iter().map(|(kind, why)| format!("as {kind:?}, {why}")).collect();
    each.join("; ")
}

impl Registry {
    /// Pulls the module `name` by tag or digest.
    ///
    /// # Errors
    /// See [`PullError`].
    pub async fn pull(&self, name: &str, reference: &str) -> Result<Pulled, PullError> {
        let at = self.reference(name, reference);
        let auth = self.credentials().auth();
        let (bytes, _) = self
            .client()
            .pull_manifest_raw(&at, auth, &ACCEPTED)
            .await
            .map_err(|error| self.explain(name, error))?;
        let manifest: OciImageManifest = serde_json::from_slice(&bytes).map_err(|source| {
            PullError::Manifest { name: name.to_owned(), reference: reference.to_owned(), source }
        })?;
        let mut tried = Vec::new();
        for &kind in kinds(&manifest) {
            let layer = match layer(&manifest, kind) {
                Ok(layer) => layer,
                Err(why) => {
                    tried.push((kind, why));
                    continue;
                }
            };
            let mut content = Vec::new();
            self.client()
                .pull_blob(&at, layer, &mut content)
                .await
                .map_err(|error| self.explain(name, error))?;
            match unwrap(kind, content) {
                Ok(module) if module.starts_with(MAGIC) => {
                    let (digest, module) = (Digest::of(&bytes), Blob::new(module));
                    return Ok(Pulled { digest, kind, module });
                }
                Ok(_) => {
                    let (name, reference) = (name.to_owned(), reference.to_owned());
                    return Err(PullError::NoWasm { name, reference });
                }
                Err(why) => tried.push((kind, why)),
            }
        }
        Err(PullError::NoKind { name: name.to_owned(), reference: reference.to_owned(), tried })
    }
}

/// What the image is tried as.
fn kinds(manifest: &OciImageManifest) -> &'static [Kind] {
    if manifest.media_type.as_deref() == Some(media::DOCKER_MANIFEST) {
        &[Kind::Docker]
    } else {
        &[Kind::Image, Kind::Artifact]
    }
}

/// The layer that holds the module, if the image is of this kind.
fn layer(manifest: &OciImageManifest, kind: Kind) -> Result<&OciDescriptor, Misfit> {
    let wanted = match kind {
        Kind::Docker => media::DOCKER_LAYER,
        Kind::Image => media::IMAGE_LAYER,
        Kind::Artifact => {
            let found = manifest.layers.len();
            if found != 2 {
                return Err(Misfit::Layers { found });
            }
            let module = manifest.layers.iter().find(|one| one.media_type == media::WASM_LAYER);
            return module.ok_or(Misfit::NoModule);
        }
    };
    let last = manifest.layers.last().ok_or(Misfit::NoLayer)?;
    if last.media_type == wanted {
        Ok(last)
    } else {
        Err(Misfit::LastLayer { found: last.media_type.clone(), wanted })
    }
}

/// The module in a layer.
fn unwrap(kind: Kind, layer: Vec<u8>) -> Result<Vec<u8>, Misfit> {
    let module = match kind {
        Kind::Docker | Kind::Image => unpack(&layer)?,
        Kind::Artifact => layer,
    };
    if module.len() as u64 > MODULE_MAX { Err(Misfit::TooLarge) } else { Ok(module) }
}

/// The first file of the right name, in whatever folder.
fn unpack(layer: &[u8]) -> Result<Vec<u8>, Misfit> {
    // Room for the archive's own blocks; what is longer ends early and is refused.
    let limited = GzDecoder::new(layer).take(2 * MODULE_MAX);
    let mut archive = tar::Archive::new(limited);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let is_plugin = entry.path()?.file_name().is_some_and(|name| name == image::PLUGIN);
        if is_plugin {
            if entry.size() > MODULE_MAX {
                return Err(Misfit::TooLarge);
            }
            let mut module = Vec::new();
            entry.read_to_end(&mut module)?;
            return Ok(module);
        }
    }
    Err(Misfit::NoPlugin)
}

#[cfg(test)]
mod tests;
