//! Who we are to a registry: what the user says, else Docker's configuration, else
//! nobody.
//!
//! Invariant: a configuration that is there and cannot be used is an error; a push never
//! goes on as nobody because a credential helper failed. A password is never printed.

use docker_credential::{CredentialRetrievalError, DockerCredential};
use oci_client::secrets::RegistryAuth;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// How Docker's configuration names Docker Hub.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The file is there and cannot be opened.
    #[error("cannot open {path}")]
    Open {
        /// Docker's configuration.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// The file cannot be used.
    #[error("cannot use what {path} says of {registry}")]
    Read {
        /// Docker's configuration.
        path: PathBuf,
        /// The registry.
        registry: String,
        /// What is wrong.
        source: CredentialRetrievalError,
    },
    /// A token that has to be exchanged first.
    #[error(
        "{path} has an identity token for {registry}, which is not supported; give a user and \
         a password, or log in with them"
    )]
    IdentityToken {
        /// Docker's configuration.
        path: PathBuf,
        /// The registry.
        registry: String,
    },
}

/// What a registry is told of us.
#[derive(Clone, Debug)]
pub struct Credentials {
    auth: RegistryAuth,
}

impl Credentials {
    /// Nobody in particular.
    #[must_use]
    pub fn none() -> Self {
        Self { auth: RegistryAuth::Anonymous }
    }

    /// A user and a password, or a token in its place.
    #[must_use]
    pub fn user(name: String, password: String) -> Self {
        Self { auth: RegistryAuth::Basic(name, password) }
    }

    /// What Docker's configuration in `folder` says of `registry`; nobody, if that says
    /// nothing.
    ///
    /// # Errors
    /// See [`CredentialsError`].
    pub fn docker(folder: &Path, registry: &str) -> Result<Self, CredentialsError> {
        let path = folder.join("config.json");
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::none()),
            Err(source) => return Err(CredentialsError::Open { path, source }),
        };
        let hub = ["docker.io", "index.docker.io"].contains(&registry);
        let server = if hub { DOCKER_HUB } else { registry };
        let registry = registry.to_owned();
        match docker_credential::get_credential_from_reader(file, server) {
            Ok(DockerCredential::UsernamePassword(name, password)) => {
                Ok(Self::user(name, password))
            }
            Ok(DockerCredential::IdentityToken(_)) => {
                Err(CredentialsError::IdentityToken { path, registry })
            }
            Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(Self::none()),
            Err(source) => Err(CredentialsError::Read { path, registry, source }),
        }
    }

    /// The user's name, if there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.auth {
            RegistryAuth::Basic(name, _) => Some(name),
            RegistryAuth::Anonymous | RegistryAuth::Bearer(_) => None,
        }
    }

    pub(crate) fn auth(&self) -> &RegistryAuth {
        &self.auth
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn docker(config: &str, registry: &str) -> Result<Credentials, CredentialsError> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.json"), config).unwrap();
        Credentials::docker(folder.path(), registry)
    }

    #[test]
    fn dockers_configuration_is_asked_for_the_registry() {
        // base64 of `me:secret`.
        let config = r#"{"auths":{"a.example:5000":{"auth":"bWU6c2VjcmV0"}}}"#;
        let found = docker(config, "a.example:5000").unwrap();
        assert_eq!(found.auth, RegistryAuth::Basic("me".into(), "secret".into()));
        assert_eq!(docker(config, "b.example").unwrap().auth, RegistryAuth::Anonymous);
        let hub = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"bWU6c2VjcmV0"}}}"#;
        assert_eq!(docker(hub, "docker.io").unwrap().name(), Some("me"));
    }

    #[test]
    fn without_a_configuration_we_are_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let found = Credentials::docker(folder.path(), "a.example").unwrap();
        assert_eq!(found.auth, RegistryAuth::Anonymous);
    }

    #[test]
    fn a_configuration_that_cannot_be_used_is_an_error() {
        assert!(matches!(docker("{", "a.example"), Err(CredentialsError::Read { .. })));
        let helper = r#"{"credHelpers":{"a.example":"that-is-not-there"}}"#;
        let error = docker(helper, "a.example").unwrap_err().to_string();
        assert!(error.contains("a.example"), "{error}");
        let token = r#"{"auths":{"a.example":{"identitytoken":"t"}}}"#;
        let error = docker(token, "a.example").unwrap_err();
        assert!(matches!(error, CredentialsError::IdentityToken { .. }), "{error}");
    }

    #[test]
    fn a_password_is_not_printed() {
        let shown = format!("{:?}", Credentials::user("me".into(), "secret".into()));
        assert!(shown.contains("me") && !shown.contains("secret"), "{shown}");
    }
}
