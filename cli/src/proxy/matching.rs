//! Which route Envoy takes for a request, and why not another.
//!
//! Invariant: the rules are Envoy's: the most specific virtual host, then the first route
//! whose conditions all hold. Rejected: asking Envoy; its admin interface cannot say, and a
//! real request would cost the model server a real answer.

use super::route::{Condition, Route, RouteTable, Text, VirtualHost};
use regex::Regex;
use std::fmt;

/// A request, as the routes see it.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The host, with or without a port.
    pub host: String,
    /// The path, with its query.
    pub path: String,
    /// The headers, `:method` among them.
    pub headers: Vec<(String, String)>,
}

/// Whether a route takes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All its conditions hold.
    Yes,
    /// This one does not.
    No(Reason),
    /// This one cannot be judged here; the others hold.
    Perhaps(String),
}

/// Why a route does not take a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Of what: `path`, `header x`, `query parameter x`.
    pub of: String,
    /// What is wanted.
    pub wanted: String,
    /// What the request has; none: nothing.
    pub has: Option<String>,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, wanted, has } = self;
        match has {
            Some(has) => write!(f, "{of} is {has:?}, wanted {wanted}"),
            None => write!(f, "there is no {of}, wanted {wanted}"),
        }
    }
}

impl RouteTable {
    /// The virtual host for a request to `host`.
    #[must_use]
    pub fn host(&self, host: &str) -> Option<&VirtualHost> {
        let own = without_port(host).to_ascii_lowercase();
        let best =
            |host: &VirtualHost| host.domains.iter().filter_map(|domain| rank(domain, &own)).max();
        let ranked = self.hosts.iter().filter_map(|host| Some((best(host)?, host)));
        ranked.max_by_key(|(rank, _)| *rank).map(|(_, host)| host)
    }
}

/// How well a domain fits: exact, then a longer suffix, then a longer prefix, then any.
fn rank(domain: &str, host: &str) -> Option<(u8, usize)> {
    let domain = domain.to_ascii_lowercase();
    // Envoy compares the port too, unless it is told to strip it.
    let bare = without_port(&domain);
    match (bare.strip_prefix('*'), bare.strip_suffix('*')) {
        (Some(""), _) => Some((0, 0)),
        (Some(end), _) => (host.ends_with(end) && host.len() > end.len()).then_some((2, end.len())),
        (None, Some(start)) => host.starts_with(start).then_some((1, start.len())),
        (None, None) => (bare == host).then_some((3, 0)),
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit() || b == b'*') => name,
        _ => host,
    }
}

impl Route {
    /// Whether it takes `request`.
    #[must_use]
    pub fn verdict(&self, request: &Request) -> Verdict {
        let mut unsure = None;
        for condition in &self.conditions {
            match condition.holds(request) {
                Ok(true) => {}
                Ok(false) => return Verdict::No(condition.reason(request)),
                Err(what) => unsure = unsure.or(Some(what)),
            }
        }
        unsure.map_or(Verdict::Yes, Verdict::Perhaps)
    }
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value.as_str())
    }

    fn bare_path(&self) -> &str {
        self.path.split(['?', '#']).next().unwrap_or_default()
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        let query = self.path.split('#').next()?.split_once('?')?.1;
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.into_iter().find(|(own, _)| *own == name).map(|(_, value)| value)
    }
}

impl Condition {
    /// Whether it holds; an error names what cannot be judged.
    fn holds(&self, request: &Request) -> Result<bool, String> {
        match self {
            Self::Path(text) => text.fits(Some(request.bare_path())),
            Self::Below(path) => {
                let rest = request.bare_path().strip_prefix(path.trim_end_matches('/'));
                Ok(rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
            }
            Self::Header { name, value, not, missing_is_empty } => {
                let has = request.header(name).or(missing_is_empty.then_some(""));
                // A missing header fits no value, turned around or not; only its presence
                // can be asked for.
                match (has, value) {
                    (None, Text::Present(_)) | (Some(_), _) => Ok(value.fits(has)? != *not),
                    (None, _) => Ok(false),
                }
            }
            Self::Query { name, value } => value.fits(request.parameter(name)),
            Self::Unknown(what) => Err(what.clone()),
        }
    }

    fn reason(&self, request: &Request) -> Reason {
        let (of, wanted, has) = match self {
            Self::Path(text) => ("path".to_owned(), text.to_string(), Some(request.bare_path())),
            Self::Below(path) => {
                ("path".to_owned(), format!("{path} or below"), Some(request.bare_path()))
            }
            Self::Header { name, value, not, .. } => {
                let not = if *not { "not " } else { "" };
                (format!("header {name}"), format!("{not}{value}"), request.header(name))
            }
            Self::Query { name, value } => {
                (format!("query parameter {name}"), value.to_string(), request.parameter(name))
            }
            Self::Unknown(what) => (what.clone(), String::new(), None),
        };
        Reason { of, wanted, has: has.map(str::to_owned) }
    }
}

impl Text {
    fn fits(&self, value: Option<&str>) -> Result<bool, String> {
        if let Self::Present(present) = self {
            return Ok(value.is_some() == *present);
        }
        let Some(value) = value else { return Ok(false) };
        match self {
            Self::Exact(text) => Ok(value == text),
            Self::Prefix(text) => Ok(value.starts_with(text.as_str())),
            Self::Suffix(text) => Ok(value.ends_with(text.as_str())),
            Self::Contains(text) => Ok(value.contains(text.as_str())),
            Self::Regex(regex) => {
                let whole = Regex::new(&format!("^(?:{regex})$"));
                whole.map(|whole| whole.is_match(value)).map_err(|_| format!("regex {regex}"))
            }
            Self::AnyCase(inner) => inner.lower().fits(Some(&value.to_lowercase())),
            Self::Present(_) => Ok(true),
            Self::Unknown(what) => Err(what.clone()),
        }
    }

    fn lower(&self) -> Self {
        match self {
            Self::Exact(text) => Self::Exact(text.to_lowercase()),
            Self::Prefix(text) => Self::Prefix(text.to_lowercase()),
            Self::Suffix(text) => Self::Suffix(text.to_lowercase()),
            Self::Contains(text) => Self::Contains(text.to_lowercase()),
            Self::Regex(regex) => Self::Regex(format!("(?i){regex}")),
            other => other.clone(),
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(text) => write!(f, "{text:?}"),
            Self::Prefix(text) => write!(f, "{text:?} at its start"),
            Self::Suffix(text) => write!(f, "{text:?} at its end"),
            Self::Contains(text) => write!(f, "{text:?} in it"),
            Self::Regex(regex) => write!(f, "a match of {regex:?}"),
            Self::Present(true) => f.write_str("it to be there"),
            Self::Present(false) => f.write_str("it not to be there"),
            Self::AnyCase(inner) => write!(f, "{inner} in any case"),
            Self::Unknown(what) => f.write_str(what),
        }
    }
}

#[cfg(test)]
mod tests;
