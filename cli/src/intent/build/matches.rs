//! What a request must look like, as an HTTPRoute's `matches` say it.

use super::Builder;
use crate::intent::{Match, PathMatch, Value, ValueMatch};
use crate::manifests::Document;
use crate::manifests::kinds::{HeaderManifest, MatchManifest};

impl Builder<'_> {
    pub(super) fn one_match(
        &mut self,
        document: &Document,
        one: &MatchManifest,
        path: &str,
    ) -> Match {
        let given = one.path.clone().unwrap_or_default();
        let value = given.value.unwrap_or_else(|| "/".to_owned());
        if !value.starts_with('/') && given.kind.as_deref() != Some("RegularExpression") {
            let path = format!("{path}.path.value");
            self.wrong(document, &path, value.as_str(), "a path that begins with /");
        }
        let path_match = match given.kind.as_deref().unwrap_or("PathPrefix") {
            "Exact" => PathMatch::Exact(value),
            "RegularExpression" => PathMatch::Regex(value),
            "PathPrefix" => {
                // A trailing slash has no meaning in a prefix of whole segments.
                let trimmed = value.trim_end_matches('/');
                PathMatch::Prefix(if trimmed.is_empty() { "/" } else { trimmed }.to_owned())
            }
            other => {
                let path = format!("{path}.path.type");
                self.wrong(document, &path, other, "Exact, PathPrefix or RegularExpression");
                PathMatch::Prefix(value)
            }
        };
        let headers = self.values(document, &one.headers, &format!("{path}.headers"));
        let query = self.values(document, &one.query_params, &format!("{path}.queryParams"));
        Match { path: path_match, method: one.method.clone(), headers, query }
    }

    fn values(
        &mut self,
        document: &Document,
        values: &[HeaderManifest],
        path: &str,
    ) -> Vec<ValueMatch> {
        let mut list = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let text = value.value.clone();
            let one = match value.kind.as_deref().unwrap_or("Exact") {
                "Exact" => Value::Exact(text),
                "RegularExpression" => Value::Regex(text),
                other => {
                    let path = format!("{path}.{index}.type");
                    self.wrong(document, &path, other, "Exact or RegularExpression");
                    continue;
                }
            };
            list.push(ValueMatch { name: value.name.clone(), value: one });
        }
        list.sort();
        list
    }
}
