//! A registry that bundles are pushed to.
//!
//! Invariant: content goes before what names it: blobs, then manifests, then the list of
//! referrers, then the tags. A push that breaks off leaves no tag that points at half a
//! release; the next push goes on where it ended, since what is there is not sent again.
//! Rejected: the client's own `push`; it writes the manifest itself, without `subject`
//! and referrers.

mod error;
mod referrers;

pub use error::RegistryError;

use crate::bundle::{Bundle, Form, Manifest};
use crate::credentials::Credentials;
use crate::destination::{Destination, Tag};
use crate::media;
use crate::pull::{PullError, Pulled};
use http::HeaderValue;
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::{Client, Reference, RegistryOperation};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::time::Duration;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a registry may be silent.
const SILENCE: Duration = Duration::from_secs(60);

/// Certificates of authorities.
#[derive(Clone, Debug)]
pub struct Authority(Vec<u8>);

/// Bytes that hold no certificate.
#[derive(Debug, thiserror::Error)]
#[error("it holds no certificate in PEM, or one that is broken")]
pub struct AuthorityError;

impl Authority {
    /// One certificate or more, in PEM.
    ///
    /// # Errors
    /// There is none, or one is not PEM. The client would say nothing and trust nobody.
    pub fn pem(bytes: Vec<u8>) -> Result<Self, AuthorityError> {
        let mut found = CertificateDer::pem_slice_iter(&bytes).peekable();
        let is_any = found.peek().is_some();
        if is_any && found.all(|one| one.is_ok()) { Ok(Self(bytes)) } else { Err(AuthorityError) }
    }
}

/// How a registry is spoken to.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Without TLS.
    pub plain_http: bool,
    /// Authorities that are trusted beside the system's.
    pub authorities: Vec<Authority>,
}

/// A registry, and who we are to it.
pub struct Registry {
    client: Client,
    destination: Destination,
    credentials: Credentials,
}

impl Registry {
    /// Does not connect yet.
    ///
    /// # Errors
    /// The client cannot be set up; an authority's certificate is none, say.
    pub fn new(
        destination: Destination,
        credentials: Credentials,
        options: Options,
    ) -> Result<Self, RegistryError> {
        // An error says that one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pem = |Authority(data)| Certificate { encoding: CertificateEncoding::Pem, data };
        let protocol =
            if options.plain_http { ClientProtocol::Http } else { ClientProtocol::Https };
        let config = ClientConfig {
            protocol,
            extra_root_certificates: options.authorities.into_iter().map(pem).collect(),
            connect_timeout: Some(CONNECT),
            read_timeout: Some(SILENCE),
            user_agent: concat!("inference-gateway/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let client = Client::try_from(config).map_err(RegistryError::Setup)?;
        Ok(Self { client, destination, credentials })
    }

    /// Where it pushes to.
    #[must_use]
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Pushes a release: both forms, by digest and by tag, and their referrers.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub async fn push(&self, bundle: &Bundle, tag: &Tag) -> Result<(), RegistryError> {
        let name = &bundle.name;
        let repository = self.destination.tagged(name, tag.image());
        let failed = |error| self.explain(name, error);
        let auth = self.credentials.auth();
        self.client.auth(&repository, auth, RegistryOperation::Push).await.map_err(failed)?;
        for blob in bundle.blobs.values() {
            let digest = blob.digest().as_str();
            if !self.client.blob_exists(&repository, digest).await.map_err(failed)? {
                let bytes = blob.bytes().clone();
                self.client.push_blob(&repository, bytes, digest).await.map_err(failed)?;
            }
        }
        for manifest in [&bundle.image, &bundle.artifact].into_iter().chain(&bundle.referrers) {
            self.put(name, manifest.digest().as_str(), manifest).await.map_err(failed)?;
        }
        for form in [Form::Image, Form::Artifact] {
            let listed: Vec<_> = bundle.referrers_of(form).collect();
            self.list_referrers(name, bundle.form(form).digest(), &listed).await.map_err(failed)?;
        }
        self.put(name, &tag.artifact(), &bundle.artifact).await.map_err(failed)?;
        self.put(name, tag.image(), &bundle.image).await.map_err(failed)
    }

    /// Pulls both forms by their digests and by the tags, as Istio would, and compares
    /// them with what was pushed.
    ///
    /// # Errors
    /// A pull fails, or brings something else.
    pub async fn verify(&self, bundle: &Bundle, tag: &Tag) -> Result<(), PullError> {
        for form in [Form::Image, Form::Artifact] {
            let pinned = bundle.form(form).digest();
            let tag = match form {
                Form::Image => tag.image().to_owned(),
                Form::Artifact => tag.artifact(),
            };
            for reference in [pinned.to_string(), tag] {
                let Pulled { digest, module, .. } = self.pull(&bundle.name, &reference).await?;
                if digest != *pinned || *module.digest() != bundle.module {
                    let name = bundle.name.clone();
                    return Err(PullError::Differs { name, reference });
                }
            }
        }
        Ok(())
    }

    /// Puts a manifest under a tag or under its digest.
    async fn put(
        &self,
        name: &str,
        reference: &str,
        manifest: &Manifest,
    ) -> Result<(), OciDistributionError> {
        // The digest as well goes in the place of a tag: the URL is the same, and where
        // a registry sends no `Location` (ECR) the client looks for its end by the tag,
        // and panics for want of one.
        let reference = self.destination.tagged(name, reference);
        let bytes = manifest.blob.bytes().clone();
        let r#type = HeaderValue::from_static(media::MANIFEST);
        self.client.push_manifest_raw(&reference, bytes, r#type).await.map(|_| ())
    }

    /// A manifest of the module `name`, by tag or digest.
    pub(crate) fn reference(&self, name: &str, reference: &str) -> Reference {
        if reference.contains(':') {
            self.destination.pinned(name, reference)
        } else {
            self.destination.tagged(name, reference)
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The client's error with what is known here.
    pub(crate) fn explain(&self, name: &str, error: OciDistributionError) -> RegistryError {
        RegistryError::explain(&self.destination, name, self.credentials.name(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_no_authority() {
        for text in ["", "a.example\n", "-----BEGIN CERTIFICATE-----\nAAAA\n"] {
            assert!(Authority::pem(text.into()).is_err(), "{text}");
        }
        let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(Authority::pem(text.into()).is_ok());
    }
}
