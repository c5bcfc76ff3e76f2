//! In which order matches are tried: Gateway API's rules, without the age of objects,
//! which files do not have.
//!
//! Invariant: the order depends on what the routes say, not on where they stand: the
//! longer host first, then exact paths, longer prefixes, a method, more headers, more
//! query parameters, the route's name, the place in the route.

use super::{Intent, Match, PathMatch, Route, Rule, Value};
use std::cmp::Reverse;

/// One match of one rule.
#[derive(Clone, Copy, Debug)]
pub struct OrderedMatch<'a> {
    /// The route it stands in.
    pub route: &'a Route,
    /// The rule it stands in.
    pub rule: &'a Rule,
    /// The match.
    pub when: &'a Match,
    /// The rule's place in its route and the match's place in its rule, from 0.
    pub place: (usize, usize),
}

impl Intent {
    /// All matches of all routes; of those that fit a request's host, the first that
    /// matches decides. Those of implied routes come last.
    #[must_use]
    pub fn ordered_matches(&self) -> Vec<OrderedMatch<'_>> {
        let mut matches: Vec<OrderedMatch<'_>> = self
            .routes
            .iter()
            .flat_map(|route| {
                route.rules.iter().enumerate().flat_map(move |(r, rule)| {
                    let matches = rule.matches.iter().enumerate();
                    matches.map(move |(m, when)| OrderedMatch { route, rule, when, place: (r, m) })
                })
            })
            .collect();
        matches.sort_by(|a, b| rank(a).cmp(&rank(b)));
        matches
    }
}

type Rank<'a> = (u8, Reverse<usize>, Reverse<bool>, Reverse<usize>, Reverse<usize>, Tail<'a>);
type Tail<'a> = (bool, Reverse<usize>, &'a super::ObjectName, (usize, usize));

fn rank<'a>(one: &OrderedMatch<'a>) -> Rank<'a> {
    let (kind, length) = match &one.when.path {
        PathMatch::Exact(path) => (0, path.len()),
        PathMatch::Prefix(path) => (1, path.len()),
        // Gateway API leaves the place of expressions open.
        PathMatch::Regex(path) => (1, path.len()),
    };
    let exact = |values: &[super::ValueMatch]| {
        values.iter().filter(|value| matches!(value.value, Value::Exact(_))).count()
    };
    (
        kind,
        Reverse(length),
        Reverse(one.when.method.is_some()),
        Reverse(one.when.headers.len()),
        Reverse(one.when.query.len()),
        (one.route.implied, Reverse(exact(&one.when.headers)), &one.route.name, one.place),
    )
}
