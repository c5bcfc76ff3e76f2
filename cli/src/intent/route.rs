//! Which requests go where.
//!
//! Invariant: a rule has one match at least (a rule written without one matches every
//! path) and one backend with a weight above 0 at least.

use super::{Listener, ObjectName, Origin};
use std::time::Duration;

/// The header with the model's name as the client wrote it.
pub const MODEL_HEADER: &str = "X-Gateway-Model-Name";
/// The header with the name of the model's base.
pub const BASE_MODEL_HEADER: &str = "X-Gateway-Base-Model-Name";

/// An HTTPRoute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its name.
    pub name: ObjectName,
    /// The gateways it is attached to.
    pub parents: Vec<Parent>,
    /// Only requests to these hosts; empty: to any that the listener takes.
    pub hostnames: Vec<String>,
    /// Its rules as they stand in the document, which decides between equal matches.
    pub rules: Vec<Rule>,
    /// No document defines it: the import added it and said so in a notice.
    pub implied: bool,
    /// Where it is defined; for an implied one, what it follows from.
    pub origin: Origin,
}

/// A gateway a route is attached to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Parent {
    /// The gateway.
    pub gateway: ObjectName,
    /// Only the listener of this name.
    pub section: Option<String>,
    /// Only listeners on this port.
    pub port: Option<u16>,
}

/// A rule of an HTTPRoute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Which requests: those that one of these matches.
    pub matches: Vec<Match>,
    /// Where they go.
    pub backends: Vec<Backend>,
    /// How long they may take.
    pub timeouts: Timeouts,
    /// Where it stands.
    pub origin: Origin,
}

/// What a request must look like: all of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Match {
    /// The path.
    pub path: PathMatch,
    /// The method; none: any.
    pub method: Option<String>,
    /// Headers, by name; names as written, compared without case.
    pub headers: Vec<ValueMatch>,
    /// Query parameters, by name.
    pub query: Vec<ValueMatch>,
}

impl Default for Match {
    fn default() -> Self {
        Self {
            path: PathMatch::Prefix("/".to_owned()),
            method: None,
            headers: Vec::new(),
            query: Vec::new(),
        }
    }
}

/// What a path must look like.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathMatch {
    /// This path.
    Exact(String),
    /// This path and what lies below it, whole segments only; `/` is every path.
    Prefix(String),
    /// The whole path matches this expression (RE2).
    Regex(String),
}

/// A header or query parameter and what its value must look like.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValueMatch {
    /// The name of the header or parameter.
    pub name: String,
    /// The value.
    pub value: Value,
}

/// What a value must look like.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Equal to this.
    Exact(String),
    /// The whole value matches this expression (RE2).
    Regex(String),
}

/// A destination and its share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Backend {
    /// Where to.
    pub to: Destination,
    /// Its share of the rule's requests, relative to the sum of the rule's weights; 0 is
    /// none.
    pub weight: u32,
}

/// Where requests can go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// To a pool, which is in [`Intent::pools`](super::Intent::pools).
    Pool(ObjectName),
    /// To a Service without endpoint picking.
    Service {
        /// The Service.
        name: ObjectName,
        /// Its port.
        port: u16,
    },
}

/// How long a request may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// The whole request; zero: no limit; none: not said.
    pub request: Option<Duration>,
    /// One try of it; zero: no limit; none: not said.
    pub backend_request: Option<Duration>,
}

impl Parent {
    /// Whether this listener of the gateway is meant.
    #[must_use]
    pub fn means(&self, listener: &Listener) -> bool {
        self.section.as_ref().is_none_or(|section| *section == listener.name)
            && self.port.is_none_or(|port| port == listener.port)
    }
}

impl Match {
    /// The value that the header of this name must have exactly.
    #[must_use]
    pub fn exact_header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        match header.map(|header| &header.value) {
            Some(Value::Exact(value)) => Some(value),
            Some(Value::Regex(_)) | None => None,
        }
    }

    /// Whether this asks nothing of the headers but what a request for `model`, whose base
    /// model is `base`, has; path, method and parameters aside.
    #[must_use]
    pub fn fits(&self, model: &str, base: &str) -> bool {
        self.headers.iter().all(|header| {
            let has = match &header.name {
                name if name.eq_ignore_ascii_case(MODEL_HEADER) => model,
                name if name.eq_ignore_ascii_case(BASE_MODEL_HEADER) => base,
                _ => return false,
            };
            match &header.value {
                Value::Exact(value) => value == has,
                // Whatever it matches, the user thought of it.
                Value::Regex(_) => true,
            }
        })
    }
}
