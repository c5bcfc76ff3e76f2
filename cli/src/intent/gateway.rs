//! Where clients connect.

use super::{ObjectName, Origin};

/// A Gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Its name.
    pub name: ObjectName,
    /// `gatewayClassName`; none in some guides, and none if `implied`.
    pub class: Option<String>,
    /// Its listeners, by port and name; one at least.
    pub listeners: Vec<Listener>,
    /// No document defines it: routes or chart values name it, and it is taken to have
    /// one HTTP listener on port 80.
    pub implied: bool,
    /// Where it is defined, or named first.
    pub origin: Origin,
}

/// A listener of a Gateway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// The port that clients connect to, 1 to 65535.
    pub port: u16,
    /// The name, which a route's `sectionName` may ask for.
    pub name: String,
    /// What is spoken there.
    pub protocol: Protocol,
    /// Only requests to this host, such as `*.example.com`; none: to any.
    pub hostname: Option<String>,
}

/// A listener's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// HTTP in clear text.
    Http,
    /// HTTP in TLS, ended at the gateway.
    Https,
}
