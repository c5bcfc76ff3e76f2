//! An endpoint's identity.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Address and port of a model server; written `10.0.0.1:8000` or `[::1]:8000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EndpointId(SocketAddr);

/// A text that is not an [`EndpointId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an address and port such as 10.0.0.1:8000 or [::1]:8000")]
pub struct InvalidEndpoint;

impl EndpointId {
    /// The address.
    #[must_use]
    pub fn addr(self) -> SocketAddr {
        self.0
    }
}

impl From<SocketAddr> for EndpointId {
    fn from(addr: SocketAddr) -> Self {
        // A scope or flow label never comes back from Envoy, so it is no part of an identity.
        Self(SocketAddr::new(addr.ip(), addr.port()))
    }
}

impl FromStr for EndpointId {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        match text.trim().parse::<SocketAddr>() {
            Ok(addr) if addr.port() != 0 => Ok(addr.into()),
            _ => Err(InvalidEndpoint),
        }
    }
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn endpoints_are_read_and_written_in_envoy_s_form() {
        for text in ["10.0.0.1:8000", "[::1]:8000", "[2001:db8::1]:80"] {
            assert_eq!(text.parse::<EndpointId>().expect(text).to_string(), text);
        }
        assert_eq!(
            " 10.0.0.1:8000 ".parse::<EndpointId>().map(|e| e.to_string()),
            Ok("10.0.0.1:8000".to_owned())
        );
    }

    #[test]
    fn what_is_no_address_and_port_is_refused() {
        for text in ["", "10.0.0.1", "localhost:80", "10.0.0.1:0", "::1:80", "10.0.0.1:99999"] {
            assert_eq!(text.parse::<EndpointId>(), Err(InvalidEndpoint), "{text}");
        }
    }

    #[test]
    fn ports_of_one_address_are_endpoints_of_their_own() {
        let id = |text: &str| text.parse::<EndpointId>().expect(text);
        assert_ne!(id("10.0.0.1:8000"), id("10.0.0.1:8001"));
    }
}
