//! AgentgatewayPolicy, as far as it does body-based routing: header values that are CEL
//! expressions over the body.
//!
//! Invariant: only two forms are understood: the model's name itself, and a map literal
//! indexed by it. Rejected: a CEL interpreter, since the gateway's filters have none either.

use serde::Deserialize;

/// The parts of an AgentgatewayPolicy that count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentgatewayPolicy {
    /// What it does to traffic.
    pub traffic: Traffic,
    /// What it is attached to.
    pub target_refs: Vec<TargetRef>,
}

/// What a policy is attached to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetRef {
    /// The API group.
    pub group: Option<String>,
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
}

/// `traffic`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Traffic {
    /// When.
    pub phase: Option<String>,
    /// What is changed.
    pub transformation: Transformation,
}

/// `transformation`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Transformation {
    /// Of requests.
    pub request: Request,
}

/// `request`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// Headers that are set.
    pub set: Vec<Header>,
}

/// A header and its value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// The header.
    pub name: String,
    /// The expression.
    pub value: String,
}

/// What an expression over the model's name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelMap {
    /// The name itself.
    Name,
    /// From the name to its base model, in the order of the text.
    Bases(Vec<(String, String)>),
}

impl ModelMap {
    /// Reads an expression; none if it has another form.
    #[must_use]
    pub fn parse(expression: &str) -> Option<Self> {
        let text = expression.trim();
        let model = |text: &str| {
            let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            [
                "json(request.body).model",
                "json(request.body)['model']",
                "json(request.body)[\"model\"]",
            ]
            .contains(&text.as_str())
        };
        if model(text) {
            return Some(Self::Name);
        }
        let end = text.rfind('}')?;
        let index = text.get(end + 1..)?.trim();
        if !model(index.strip_prefix('[')?.strip_suffix(']')?) {
            return None;
        }
        let mut rest = text.get(..end)?.strip_prefix('{')?.trim_start();
        let mut bases = Vec::new();
        while !rest.is_empty() {
            let (name, after) = string(rest)?;
            let (base, after) = string(after.trim_start().strip_prefix(':')?.trim_start())?;
            bases.push((name, base));
            rest = after.trim_start();
            // The guides leave a comma behind the last entry.
            match rest.strip_prefix(',') {
                Some(after) => rest = after.trim_start(),
                None if rest.is_empty() => {}
                None => return None,
            }
        }
        Some(Self::Bases(bases))
    }
}

/// A string literal without escapes, and what follows it.
fn string(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = text.get(1..)?;
    let end = inner.find(quote)?;
    let value = inner.get(..end).filter(|value| !value.contains('\\'))?;
    Some((value.to_owned(), inner.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_guides_are_understood_and_others_are_not() {
        assert_eq!(ModelMap::parse("json(request.body).model"), Some(ModelMap::Name));
        let map = "{\n \"a/b\": \"x\",\n 'c': 'x', \n}[json(request.body).model]\n";
        let bases = vec![("a/b".to_owned(), "x".to_owned()), ("c".to_owned(), "x".to_owned())];
        assert_eq!(ModelMap::parse(map), Some(ModelMap::Bases(bases)));
        for other in ["", "{}", "{'a': 'b'}", "{'a'}[json(request.body).model]", "'a'"] {
            assert_eq!(ModelMap::parse(other), None, "{other}");
        }
    }
}
