//! What a running gateway would do with a request for a model: headers, route, pool,
//! endpoints.
//!
//! Invariant: the headers come from the filter's own code (`shared`), the route from Envoy's
//! rules in [`crate::proxy::matching`], and what cannot be known from outside is said to be
//! unknown. Nothing is sent to a model server.

mod ask;
mod pools;
mod report;
mod text;

use crate::admin::{Hosts, Stats};
use crate::proxy::matching::Request;
use crate::proxy::{Http, Proxy};

pub use report::{
    Case, Destination, EndpointReport, HeaderReport, ListenerReport, PoolReport, Report, Tried,
};

/// The request that is asked about.
#[derive(Clone, Debug)]
pub struct Question {
    /// The body's `model`.
    pub model: String,
    /// The path, with its query.
    pub path: String,
    /// The method.
    pub method: String,
    /// The host.
    pub host: String,
    /// Further headers of the client.
    pub headers: Vec<(String, String)>,
}

/// A running gateway, as far as it is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Running<'a> {
    /// Its configuration.
    pub proxy: &'a Proxy,
    /// Its clusters' hosts.
    pub hosts: &'a Hosts,
    /// Its filters' statistics.
    pub stats: &'a Stats,
}

/// Explains what each listener with this project's filters does; only the listener of this
/// name or port, if one is given.
#[must_use]
pub fn explain(running: Running<'_>, question: &Question, listener: Option<&str>) -> Report {
    let chosen = |http: &&Http| {
        listener.is_none_or(|wanted| {
            http.listener == wanted || http.address.rsplit(':').next() == Some(wanted)
        })
    };
    let listeners = running.proxy.gateways().filter(chosen).map(|http| ListenerReport {
        listener: http.listener.clone(),
        address: http.address.clone(),
        cases: ask::cases(http, question)
            .into_iter()
            .map(|asked| case(running, http, question, asked))
            .collect(),
    });
    Report {
        model: question.model.clone(),
        method: question.method.clone(),
        host: question.host.clone(),
        path: question.path.clone(),
        listeners: listeners.collect(),
    }
}

/// Whether a route to a cluster takes the request, or may.
pub(crate) fn leads_to_pool(running: Running<'_>, http: &Http, question: &Question) -> bool {
    ask::routed(http, question).into_iter().any(|asked| {
        let case = case(running, http, question, asked);
        let perhaps = || case.tried.iter().any(|tried| tried.perhaps);
        matches!(case.destination, Some(Destination::Pools { .. } | Destination::Other { .. }))
            || perhaps()
    })
}

fn case(running: Running<'_>, http: &Http, question: &Question, asked: ask::Asked) -> Case {
    let mut case = Case {
        share: asked.share,
        headers: asked.headers,
        says: asked.says,
        answered: asked.answered,
        virtual_host: None,
        tried: Vec::new(),
        route: None,
        destination: None,
    };
    if case.answered.is_some() {
        return case;
    }
    let request = request(question, &case.headers);
    let Some(table) = &http.routes else {
        case.says.push("the listener's routes have not arrived".to_owned());
        return case;
    };
    let Some(host) = table.host(&request.host) else {
        let domains: Vec<&str> =
            table.hosts.iter().flat_map(|host| &host.domains).map(String::as_str).collect();
        case.says.push(format!(
            "no virtual host is for {:?}, so Envoy answers 404; there are: {} (--host)",
            question.host,
            domains.join(", ")
        ));
        return case;
    };
    case.virtual_host = Some(host.name.clone());
    pools::follow(running, http, host, &request, &mut case);
    case
}

/// The request as the routes see it.
fn request(question: &Question, own: &[HeaderReport]) -> Request {
    let mut headers = vec![
        (":method".to_owned(), question.method.clone()),
        (":path".to_owned(), question.path.clone()),
        (":authority".to_owned(), question.host.clone()),
        ("content-type".to_owned(), "application/json".to_owned()),
    ];
    // What the filter sets replaces what the client sent; the rest of its names it removes.
    let spoofed = |name: &str| {
        [shared::bbr::MODEL_HEADER, shared::bbr::BASE_MODEL_HEADER]
            .iter()
            .any(|own| own.eq_ignore_ascii_case(name))
    };
    headers.extend(question.headers.iter().filter(|(name, _)| !spoofed(name)).cloned());
    headers.extend(own.iter().map(|header| (header.name.to_owned(), header.value.clone())));
    Request { host: question.host.clone(), path: question.path.clone(), headers }
}

#[cfg(test)]
mod tests;
