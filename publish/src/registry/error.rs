//! What a registry refuses, in words that say what to do.

use crate::destination::Destination;
use oci_client::errors::{OciDistributionError, OciErrorCode};

/// Why something did not come to, or from, a registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The client could not be set up.
    #[error("cannot set up the client")]
    Setup(#[source] OciDistributionError),
    /// No connection.
    #[error(
        "{registry} cannot be reached; check name and port, add --plain-http if it speaks no TLS, \
         or --ca if its authority is its own"
    )]
    Unreachable {
        /// The registry.
        registry: String,
        /// What the client says.
        source: OciDistributionError,
    },
    /// It wants to know who we are.
    #[error("{repository} wants a login; none was given, and Docker's configuration has none")]
    LoginNeeded {
        /// Registry and repository.
        repository: String,
        /// What the client says.
        source: OciDistributionError,
    },
    /// It knows who we are, and says no.
    #[error("{repository} refuses {user}: wrong password, or no right to push there")]
    Refused {
        /// Registry and repository.
        repository: String,
        /// Who we are.
        user: String,
        /// What the client says.
        source: OciDistributionError,
    },
    /// There is no such manifest.
    #[error("{repository} has no such manifest")]
    NotFound {
        /// Registry and repository.
        repository: String,
        /// What the client says.
        source: OciDistributionError,
    },
    /// Anything else.
    #[error("{repository} failed")]
    Other {
        /// Registry and repository.
        repository: String,
        /// What the client says.
        source: OciDistributionError,
    },
}

enum Kind {
    Unreachable,
    Denied,
    NotFound,
    Other,
}

impl RegistryError {
    pub(super) fn explain(
        destination: &Destination,
        name: &str,
        user: Option<&str>,
        source: OciDistributionError,
    ) -> Self {
        let repository = format!("{destination}/{name}");
        match (kind(&source), user) {
            (Kind::Unreachable, _) => {
                let registry = destination.registry().to_owned();
                Self::Unreachable { registry, source }
            }
            (Kind::Denied, Some(user)) => {
                Self::Refused { repository, user: user.to_owned(), source }
            }
            (Kind::Denied, None) => Self::LoginNeeded { repository, source },
            (Kind::NotFound, _) => Self::NotFound { repository, source },
            (Kind::Other, _) => Self::Other { repository, source },
        }
    }
}

fn kind(error: &OciDistributionError) -> Kind {
    use OciDistributionError as E;
    match error {
        E::UnauthorizedError { .. } | E::AuthenticationFailure(_) => Kind::Denied,
        E::ImageManifestNotFoundError(_) => Kind::NotFound,
        E::ServerError { code, .. } => of_status(*code),
        E::RequestError(error) => match error.status() {
            Some(status) => of_status(status.as_u16()),
            None if error.is_connect() || error.is_timeout() => Kind::Unreachable,
            None => Kind::Other,
        },
        E::RegistryError { envelope, .. } => {
            let is = |code: OciErrorCode| envelope.errors.iter().any(|error| error.code == code);
            if is(OciErrorCode::Unauthorized) || is(OciErrorCode::Denied) {
                Kind::Denied
            } else if is(OciErrorCode::ManifestUnknown) || is(OciErrorCode::NotFound) {
                Kind::NotFound
            } else {
                Kind::Other
            }
        }
        _ => Kind::Other,
    }
}

fn of_status(status: u16) -> Kind {
    match status {
        401 | 403 => Kind::Denied,
        404 => Kind::NotFound,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explain(user: Option<&str>, source: OciDistributionError) -> String {
        let destination = "a.example/team".parse().unwrap();
        RegistryError::explain(&destination, "bbr-filter", user, source).to_string()
    }

    fn denied(code: u16) -> OciDistributionError {
        OciDistributionError::ServerError { code, url: String::new(), message: String::new() }
    }

    #[test]
    fn a_refusal_says_whether_somebody_was_logged_in() {
        let text = explain(None, denied(401));
        assert!(text.starts_with("a.example/team/bbr-filter wants a login"), "{text}");
        let text = explain(Some("me"), denied(403));
        assert!(text.contains("refuses me"), "{text}");
    }

    #[test]
    fn a_failing_server_is_not_taken_for_a_refusal() {
        assert_eq!(explain(None, denied(500)), "a.example/team/bbr-filter failed");
    }
}
