//! One Envoy route per match.

use super::{cluster_name, scalar};
use crate::intent::{Backend, Intent, Match, OrderedMatch, PathMatch, Timeouts, Value, ValueMatch};
use crate::render::{Options, RenderError};
use std::fmt::{self, Write};
use std::time::Duration;

/// If the route says nothing. Envoy's own 15 s would cut long answers off.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

/// A route.
pub(super) fn render(
    intent: &Intent,
    options: &Options,
    one: &OrderedMatch<'_>,
) -> Result<String, RenderError> {
    let mut text = String::new();
    write(&mut text, intent, options, one)
        .map_err(|_| RenderError::Write { what: "a route", reason: "out of memory".to_owned() })?;
    Ok(text)
}

fn write(
    text: &mut String,
    intent: &Intent,
    options: &Options,
    one: &OrderedMatch<'_>,
) -> fmt::Result {
    let (rule, number) = one.place;
    writeln!(text, "- name: {}", scalar(&format!("{}/{rule}/{number}", one.route.name)))?;
    text.push_str("  match:\n");
    matching(text, one.when)?;
    text.push_str("  route:\n");
    destination(text, intent, &one.rule.backends)?;
    timeouts(text, one.rule.timeouts)?;
    if options.explain {
        text.push_str("  response_headers_to_add:\n");
        text.push_str("  - header: {key: x-gateway-pool, value: \"%UPSTREAM_CLUSTER%\"}\n");
        text.push_str("    append_action: OVERWRITE_IF_EXISTS_OR_ADD\n");
    }
    Ok(())
}

fn matching(text: &mut String, one: &Match) -> fmt::Result {
    match &one.path {
        PathMatch::Exact(path) => writeln!(text, "    path: {}", scalar(path))?,
        PathMatch::Prefix(path) if path == "/" => text.push_str("    prefix: /\n"),
        PathMatch::Prefix(path) => writeln!(text, "    path_separated_prefix: {}", scalar(path))?,
        PathMatch::Regex(regex) => writeln!(text, "    safe_regex: {{regex: {}}}", quoted(regex))?,
    }
    if one.method.is_some() || !one.headers.is_empty() {
        text.push_str("    headers:\n");
    }
    if let Some(method) = &one.method {
        writeln!(text, "    - {{name: \":method\", string_match: {{exact: {}}}}}", quoted(method))?;
    }
    values(text, &one.headers)?;
    if !one.query.is_empty() {
        text.push_str("    query_parameters:\n");
    }
    values(text, &one.query)
}

fn values(text: &mut String, values: &[ValueMatch]) -> fmt::Result {
    for one in values {
        let name = scalar(&one.name);
        match &one.value {
            Value::Exact(value) => {
                let value = scalar(value);
                writeln!(text, "    - {{name: {name}, string_match: {{exact: {value}}}}}")?;
            }
            Value::Regex(regex) => {
                let regex = quoted(regex);
                let how = format!("safe_regex: {{regex: {regex}}}");
                writeln!(text, "    - {{name: {name}, string_match: {{{how}}}}}")?;
            }
        }
    }
    Ok(())
}

fn destination(text: &mut String, intent: &Intent, backends: &[Backend]) -> fmt::Result {
    let live: Vec<&Backend> = backends.iter().filter(|backend| backend.weight > 0).collect();
    if let [only] = live.as_slice() {
        return writeln!(text, "    cluster: {}", scalar(&cluster_name(intent, &only.to)));
    }
    text.push_str("    weighted_clusters:\n      clusters:\n");
    for backend in live {
        let name = scalar(&cluster_name(intent, &backend.to));
        writeln!(text, "      - {{name: {name}, weight: {}}}", backend.weight)?;
    }
    Ok(())
}

fn timeouts(text: &mut String, timeouts: Timeouts) -> fmt::Result {
    writeln!(text, "    timeout: {}", seconds(timeouts.request.unwrap_or(DEFAULT_TIMEOUT)))?;
    if let Some(one_try) = timeouts.backend_request.filter(|limit| !limit.is_zero()) {
        // A route's policy replaces the host's, so it stands here in full.
        text.push_str("    retry_policy:\n");
        text.push_str("      retry_on: \"connect-failure,refused-stream,reset-before-request\"\n");
        writeln!(text, "      num_retries: 2\n      per_try_timeout: {}", seconds(one_try))?;
    }
    Ok(())
}

fn seconds(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 => format!("{}s", duration.as_secs()),
        millis => format!("{}.{millis:03}s", duration.as_secs()),
    }
}

/// Always quoted, as expressions and methods look better.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}
