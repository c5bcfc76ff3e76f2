//! Session tokens: an endpoint's name, readable by every worker and replica.
//!
//! Stateless on purpose: a token is the endpoint itself in base64url, so nothing
//! is stored, and one that names an endpoint that has left is simply ignored. A
//! token gives a client no more than a wish: it can only name endpoints of the
//! pool that its request goes to anyway.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::pools::EndpointId;

/// The token that leads back to an endpoint.
#[must_use]
pub fn session_token(endpoint: EndpointId) -> String {
    URL_SAFE_NO_PAD.encode(endpoint.to_string())
}

/// The endpoint that a token names; `None` for anything else.
#[must_use]
pub fn session_endpoint(token: &[u8]) -> Option<EndpointId> {
    // No endpoint is longer; nothing else is worth decoding.
    const LONGEST: usize = 96;
    if token.len() > LONGEST {
        return None;
    }
    let decoded = URL_SAFE_NO_PAD.decode(token.trim_ascii()).ok()?;
    str::from_utf8(&decoded).ok()?.parse().ok()
}
