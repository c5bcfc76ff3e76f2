//! From a JSON Schema to a page that an operator reads: one table per object.
//!
//! Invariant: every property of the schema is in a table, and a kind of schema that
//! this module does not know shows as such, in the page and in a test. Rejected: a
//! general schema-to-Markdown tool; they are programs of their own, in other languages.

use serde_json::{Map, Value};

/// The page around the tables.
const TEMPLATE: &str = include_str!("configuration.md");
/// Where the tables go.
const PLACE: &str = "<!-- fields -->\n";
/// Stands for a part of a schema that is not understood.
const UNKNOWN: &str = "(see the schema)";

/// The page for a schema.
pub(super) fn page(schema: &Value) -> String {
    TEMPLATE.replace(PLACE, &tables(schema))
}

fn tables(schema: &Value) -> String {
    let mut page = String::new();
    // The object's path and the object; those inside it follow it.
    let mut waiting = vec![(String::new(), schema)];
    while let Some((path, object)) = waiting.pop() {
        page += &table(&path, object, schema);
        let inner = properties(object).filter_map(|(name, property)| {
            let items = resolve(property.get("items")?, schema);
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            is_object(items).then(|| (format!("{path}[]"), items))
        });
        let mut inner: Vec<_> = inner.collect();
        inner.reverse();
        waiting.extend(inner);
    }
    page
}

fn table(path: &str, object: &Value, root: &Value) -> String {
    let title = if path.is_empty() { "The object" } else { &format!("`{path}`") };
    let mut table = format!(
        "### {title}\n\n{}\n\n| Field | Type | Default | Range | Meaning |\n|---|---|---|---|---|\n",
        text(object)
    );
    for (name, property) in properties(object) {
        let required = list(object, "required").any(|field| field.as_str() == Some(name));
        let default = match property.get("default") {
            Some(default) => shown(default),
            None if required => "none: required".to_owned(),
            None => "none".to_owned(),
        };
        let target = resolve(property, root);
        let cells = [kind(target, root), default, range(target, root), meaning(property, target)];
        // A bar ends a cell, even inside a code span.
        let cells = cells.map(|cell| cell.replace('|', "\\|").replace('\n', " "));
        table += &format!("| `{name}` | {} |\n", cells.join(" | "));
    }
    table + "\n"
}

/// What a field holds.
fn kind(schema: &Value, root: &Value) -> String {
    if !choices(schema).is_empty() {
        return "string".to_owned();
    }
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind,
        // An optional field: `null` is the same as leaving it out.
        Some(Value::Array(kinds)) => match kinds.first() {
            Some(Value::String(kind)) => kind,
            _ => UNKNOWN,
        },
        _ => UNKNOWN,
    };
    match (kind, schema.get("items")) {
        ("array", Some(items)) => format!("list of {}s", kind_of_items(items, root)),
        (kind, _) => kind.to_owned(),
    }
}

fn kind_of_items(items: &Value, root: &Value) -> String {
    kind(resolve(items, root), root)
}

/// Which values a field may have.
fn range(schema: &Value, root: &Value) -> String {
    let choices = choices(schema);
    if !choices.is_empty() {
        let names: Vec<_> = choices.iter().map(|(name, _)| shown(name)).collect();
        return names.join(", ");
    }
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    match (bound("minimum"), bound("maximum")) {
        (Some(low), Some(high)) => return format!("{low} to {high}"),
        (Some(low), None) => return format!("from {low}"),
        (None, Some(high)) => return format!("up to {high}"),
        (None, None) => {}
    }
    if bound("minLength") == Some(1) || bound("minItems") == Some(1) {
        return "not empty".to_owned();
    }
    let items = schema.get("items").map(|items| resolve(items, root));
    match items.and_then(|items| items.get("pattern")).and_then(Value::as_str) {
        Some(pattern) => format!("each like `{pattern}`"),
        None => String::new(),
    }
}

fn meaning(property: &Value, target: &Value) -> String {
    let choices = choices(target);
    let values = choices.iter().map(|(name, meaning)| format!("<br>{}: {meaning}", shown(name)));
    text(property).to_owned() + &values.collect::<String>()
}

/// The values of an enumeration, each with what it means.
fn choices(schema: &Value) -> Vec<(&Value, &str)> {
    list(schema, "oneOf").filter_map(|one| Some((one.get("const")?, text(one)))).collect()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(items) if items.is_empty() => "`[]`".to_owned(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join("<br>"),
        value => format!("`{value}`"),
    }
}

fn text(schema: &Value) -> &str {
    schema.get("description").and_then(Value::as_str).unwrap_or(UNKNOWN)
}

fn properties(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

fn list<'a>(schema: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    schema.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn is_object(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("object")
}

/// What a `$ref` stands for.
fn resolve<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
    target.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::schema_for;
    use serde_json::json;
    use shared::bbr::BbrConfig;

    fn line<'a>(page: &'a str, field: &str) -> Vec<&'a str> {
        let start = format!("| `{field}` |");
        page.lines().find(|line| line.starts_with(&start)).unwrap().split(" | ").collect()
    }

    #[test]
    fn every_field_of_every_object_is_in_a_table_and_is_understood() {
        let schema = schema_for!(BbrConfig).to_value();
        let page = page(&schema);
        assert!(!page.contains(UNKNOWN) && !page.contains(PLACE), "{page}");
        let objects = schema["$defs"].as_object().unwrap().values().chain([&schema]);
        for (name, _) in objects.flat_map(properties) {
            assert!(page.contains(&format!("| `{name}` |")), "{name}");
        }
    }

    #[test]
    fn default_range_and_choices_are_shown() {
        let page = page(&schema_for!(BbrConfig).to_value());
        assert_eq!(line(&page, "maxBodyBytes")[1..4], ["integer", "`16777216`", "1 to 1073741824"]);
        assert!(line(&page, "paths")[2].contains("`\"/v1/*\"`<br>`\"/v2/rerank\"`"));
        assert_eq!(line(&page, "routeOn")[3], "`\"complete\"`, `\"firstModel\"`");
        assert_eq!(line(&page, "name")[2..4], ["none: required", "not empty"]);
        assert!(page.contains("### `modelRewrites[].targets[]`"));
    }

    #[test]
    fn what_is_not_understood_shows() {
        let odd = json!({"properties": {"a": {"anyOf": [{"type": "string"}]}}});
        assert_eq!(tables(&odd).matches(UNKNOWN).count(), 3);
    }
}
