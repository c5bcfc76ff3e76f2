//! Route configurations: virtual hosts, and the conditions and actions of their routes.
//!
//! Invariant: a condition that is not understood is kept as [`Condition::Unknown`], so
//! nobody is told that a route matches when it may not.

use super::{list, number, text};
use serde_json::Value;

/// A route configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteTable {
    /// Its name.
    pub name: String,
    /// Its virtual hosts.
    pub hosts: Vec<VirtualHost>,
}

/// A virtual host.
#[derive(Clone, Debug, PartialEq)]
pub struct VirtualHost {
    /// Its name.
    pub name: String,
    /// The hosts it stands for.
    pub domains: Vec<String>,
    /// Its routes, in the order in which they are tried.
    pub routes: Vec<Route>,
    /// `request_body_buffer_limit`, which replaces the listener's limit.
    pub buffer: Option<u64>,
}

/// A route.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Its name; its place, if it has none.
    pub name: String,
    /// What a request must look like.
    pub conditions: Vec<Condition>,
    /// What is done with it.
    pub action: Action,
}

/// A condition of a route.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// The path, without its query.
    Path(Text),
    /// The path is this or lies below it.
    Below(String),
    /// A header.
    Header {
        /// Its name.
        name: String,
        /// What its value must look like.
        value: Text,
        /// The condition is turned around.
        not: bool,
        /// A missing header counts as an empty one.
        missing_is_empty: bool,
    },
    /// A query parameter.
    Query {
        /// Its name.
        name: String,
        /// What its value must look like.
        value: Text,
    },
    /// Something that cannot be judged here.
    Unknown(String),
}

/// What a text must look like.
#[derive(Clone, Debug, PartialEq)]
pub enum Text {
    /// This.
    Exact(String),
    /// It begins so.
    Prefix(String),
    /// It ends so.
    Suffix(String),
    /// It has this in it.
    Contains(String),
    /// The whole of it matches (RE2).
    Regex(String),
    /// It is there, or is not.
    Present(bool),
    /// As the inner one, without case.
    AnyCase(Box<Text>),
    /// Something that cannot be judged here.
    Unknown(String),
}

/// What a route does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// To clusters, by weight.
    Clusters(Vec<(String, u64)>),
    /// To the cluster that a header names.
    ByHeader(String),
    /// An answer.
    Answer(u64),
    /// A redirect.
    Redirect,
    /// Something else.
    Other,
}

impl RouteTable {
    pub(super) fn read(value: &Value) -> Self {
        Self {
            name: text(value, "/name").unwrap_or_default().to_owned(),
            hosts: list(value, "/virtual_hosts").iter().map(host).collect(),
        }
    }
}

fn host(value: &Value) -> VirtualHost {
    let domains = list(value, "/domains").iter().filter_map(Value::as_str);
    let routes = list(value, "/routes").iter().enumerate();
    VirtualHost {
        name: text(value, "/name").unwrap_or_default().to_owned(),
        domains: domains.map(str::to_owned).collect(),
        routes: routes.map(|(index, one)| route(index, one)).collect(),
        buffer: number(value, "/request_body_buffer_limit"),
    }
}

fn route(index: usize, value: &Value) -> Route {
    let name = text(value, "/name").filter(|name| !name.is_empty());
    let when = value.get("match").cloned().unwrap_or_default();
    Route {
        name: name.map_or_else(|| format!("route {}", index + 1), str::to_owned),
        conditions: conditions(&when),
        action: action(value),
    }
}

fn conditions(when: &Value) -> Vec<Condition> {
    let mut all = Vec::new();
    let owned = |pointer: &str| text(when, pointer).map(str::to_owned);
    let any_case = when.get("case_sensitive").and_then(Value::as_bool) == Some(false);
    let case = |text: Text| if any_case { Text::AnyCase(Box::new(text)) } else { text };
    if let Some(prefix) = owned("/prefix").filter(|prefix| prefix != "/") {
        all.push(Condition::Path(case(Text::Prefix(prefix))));
    }
    all.extend(owned("/path").map(|path| Condition::Path(case(Text::Exact(path)))));
    all.extend(owned("/path_separated_prefix").map(Condition::Below));
    all.extend(owned("/safe_regex/regex").map(|regex| Condition::Path(Text::Regex(regex))));
    for header in list(when, "/headers") {
        all.push(Condition::Header {
            name: text(header, "/name").unwrap_or_default().to_owned(),
            value: header_text(header),
            not: header.get("invert_match").and_then(Value::as_bool) == Some(true),
            missing_is_empty: header.get("treat_missing_header_as_empty").and_then(Value::as_bool)
                == Some(true),
        });
    }
    for parameter in list(when, "/query_parameters") {
        let present = parameter.get("present_match").and_then(Value::as_bool);
        all.push(Condition::Query {
            name: text(parameter, "/name").unwrap_or_default().to_owned(),
            value: match parameter.get("string_match") {
                Some(string) => string_match(string),
                None => Text::Present(present.unwrap_or(true)),
            },
        });
    }
    const READ: [&str; 7] = [
        "prefix",
        "path",
        "path_separated_prefix",
        "safe_regex",
        "headers",
        "query_parameters",
        "case_sensitive",
    ];
    let fields = when.as_object().into_iter().flatten().map(|(name, _)| name);
    let unknown = fields.filter(|name| !READ.contains(&name.as_str()));
    all.extend(unknown.cloned().map(Condition::Unknown));
    all
}

/// A header's condition, in today's form and in the older ones.
fn header_text(header: &Value) -> Text {
    if let Some(string) = header.get("string_match") {
        return string_match(string);
    }
    let owned = |pointer: &str| text(header, pointer).map(str::to_owned);
    let older = owned("/exact_match")
        .map(Text::Exact)
        .or_else(|| owned("/prefix_match").map(Text::Prefix))
        .or_else(|| owned("/suffix_match").map(Text::Suffix))
        .or_else(|| owned("/contains_match").map(Text::Contains))
        .or_else(|| owned("/safe_regex_match/regex").map(Text::Regex));
    let present = header.get("present_match").and_then(Value::as_bool);
    match (older, header.get("range_match")) {
        (Some(text), _) => text,
        (None, Some(_)) => Text::Unknown("range_match".to_owned()),
        (None, None) => Text::Present(present.unwrap_or(true)),
    }
}

fn string_match(string: &Value) -> Text {
    let owned = |pointer: &str| text(string, pointer).map(str::to_owned);
    let read = owned("/exact")
        .map(Text::Exact)
        .or_else(|| owned("/prefix").map(Text::Prefix))
        .or_else(|| owned("/suffix").map(Text::Suffix))
        .or_else(|| owned("/contains").map(Text::Contains))
        .or_else(|| owned("/safe_regex/regex").map(Text::Regex))
        .unwrap_or_else(|| Text::Unknown("string_match".to_owned()));
    match string.get("ignore_case").and_then(Value::as_bool) {
        Some(true) => Text::AnyCase(Box::new(read)),
        _ => read,
    }
}

fn action(value: &Value) -> Action {
    if let Some(status) = number(value, "/direct_response/status") {
        return Action::Answer(status);
    }
    if value.get("redirect").is_some() {
        return Action::Redirect;
    }
    if let Some(cluster) = text(value, "/route/cluster") {
        return Action::Clusters(vec![(cluster.to_owned(), 1)]);
    }
    if let Some(header) = text(value, "/route/cluster_header") {
        return Action::ByHeader(header.to_owned());
    }
    let weighted = list(value, "/route/weighted_clusters/clusters").iter();
    let weighted: Vec<(String, u64)> = weighted
        .filter_map(|one| {
            Some((text(one, "/name")?.to_owned(), number(one, "/weight").unwrap_or(0)))
        })
        .collect();
    if weighted.is_empty() { Action::Other } else { Action::Clusters(weighted) }
}
