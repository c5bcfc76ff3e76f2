//! From a JSON Schema to a page that an operator reads: one table per object.
//!
//! Invariant: every property of the schema is in a table, and a kind of schema that
//! this module does not know shows as such, in the page and in a test. Rejected: a
//! general schema-to-Markdown tool; they are programs of their own, in other languages.

use super::Filter;
use serde_json::{Map, Value};

/// The page around the tables.
const TEMPLATE: &str = include_str!("configuration.md");
/// Stands for a part of a schema that is not understood.
const UNKNOWN: &str = "(see the schema)";

/// The page for the filters' schemas.
pub(super) fn page(filters: &[Filter]) -> String {
    filters.iter().fold(TEMPLATE.to_owned(), |page, filter| {
        page.replace(&place(filter.name), &tables(&filter.schema))
    })
}

/// Where a filter's tables go.
fn place(filter: &str) -> String {
    format!("<!-- {filter} fields -->\n")
}

fn tables(schema: &Value) -> String {
    let mut page = String::new();
    // The object's path and the object; those inside it follow it.
    let mut waiting = vec![(String::new(), schema)];
    while let Some((path, object)) = waiting.pop() {
        page += &table(&path, object, schema);
        let mut inner: Vec<_> = properties(object)
            .flat_map(|(name, property)| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                objects(&path, property, schema)
            })
            .collect();
        inner.reverse();
        waiting.extend(inner);
    }
    page
}

/// The objects that a property is, may be, or lists.
fn objects<'a>(path: &str, property: &'a Value, root: &'a Value) -> Vec<(String, &'a Value)> {
    let target = resolve(property, root);
    let own = is_object(target).then(|| (path.to_owned(), target));
    let items = target.get("items").map(|items| resolve(items, root));
    let listed = items.filter(|items| is_object(items)).map(|items| (format!("{path}[]"), items));
    let either = list(target, "anyOf").flat_map(|one| objects(path, one, root));
    own.into_iter().chain(listed).chain(either).collect()
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
        let cells =
            [kind(target, root), default, range(target, root), meaning(property, target, root)];
        // A bar ends a cell, even inside a code span.
        let cells = cells.map(|cell| cell.replace('|', "\\|").replace('\n', " "));
        table += &format!("| `{name}` | {} |\n", cells.join(" | "));
    }
    table + "\n"
}

/// What a field holds.
fn kind(schema: &Value, root: &Value) -> String {
    let schema = resolve(schema, root);
    if !choices(schema).is_empty() {
        return "string".to_owned();
    }
    let either: Vec<_> = list(schema, "anyOf").map(|one| kind(one, root)).collect();
    if !either.is_empty() {
        return either.join(" or ");
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
        ("array", Some(items)) => format!("list of {}s", self::kind(items, root)),
        (kind, _) => kind.to_owned(),
    }
}

/// Which values a field may have.
fn range(schema: &Value, root: &Value) -> String {
    let schema = resolve(schema, root);
    let choices = choices(schema);
    if !choices.is_empty() {
        let names: Vec<_> = choices.iter().map(|(name, _)| shown(name)).collect();
        return names.join(", ");
    }
    let either =
        list(schema, "anyOf").map(|one| range(one, root)).filter(|range| !range.is_empty());
    let either: Vec<_> = either.collect();
    if !either.is_empty() {
        return either.join("; ");
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

fn meaning(property: &Value, target: &Value, root: &Value) -> String {
    let mut meaning = text(property).to_owned();
    // That a field may be left out needs no word.
    let is_null = |one: &&Value| one.get("type").and_then(Value::as_str) == Some("null");
    let either = list(target, "anyOf").map(|one| resolve(one, root)).filter(|one| !is_null(one));
    for one in [target].into_iter().chain(either) {
        let choices = choices(one);
        if choices.is_empty() && one != target {
            meaning += &format!("<br>{}: {}", kind(one, root), text(one));
        }
        for (name, text) in choices {
            meaning += &format!("<br>{}: {text}", shown(name));
        }
    }
    meaning
}

/// The values of an enumeration, each with what it means.
fn choices(schema: &Value) -> Vec<(&Value, &str)> {
    list(schema, "oneOf").filter_map(|one| Some((one.get("const")?, text(one)))).collect()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(items) if items.is_empty() => "`[]`".to_owned(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join("<br>"),
        // Its fields have their defaults in its own table.
        Value::Object(_) => "its fields'".to_owned(),
        Value::Null => "none".to_owned(),
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
    use crate::docs::filters;
    use serde_json::json;

    fn line<'a>(page: &'a str, field: &str) -> Vec<&'a str> {
        let start = format!("| `{field}` |");
        page.lines().find(|line| line.starts_with(&start)).unwrap().split(" | ").collect()
    }

    fn bbr() -> String {
        tables(&filters()[0].schema)
    }

    fn picker() -> String {
        tables(&filters()[1].schema)
    }

    #[test]
    fn every_field_of_every_object_is_in_a_table_and_is_understood() {
        let filters = filters();
        let page = page(&filters);
        assert!(!page.contains(UNKNOWN), "{page}");
        for Filter { name, schema } in &filters {
            assert!(!page.contains(&place(name)), "{name}");
            let tables = tables(schema);
            assert!(page.contains(&tables), "{name}");
            let objects = schema["$defs"].as_object().unwrap().values().chain([schema]);
            for (field, _) in objects.flat_map(properties) {
                assert!(tables.contains(&format!("| `{field}` |")), "{name}: {field}");
            }
        }
    }

    #[test]
    fn default_range_and_choices_are_shown() {
        let page = bbr();
        assert_eq!(line(&page, "maxBodyBytes")[1..4], ["integer", "`16777216`", "1 to 1073741824"]);
        assert!(line(&page, "paths")[2].contains("`\"/v1/*\"`<br>`\"/v2/rerank\"`"));
        assert_eq!(line(&page, "routeOn")[3], "`\"complete\"`, `\"firstModel\"`");
        assert_eq!(line(&page, "name")[2..4], ["none: required", "not empty"]);
        assert!(page.contains("### `modelRewrites[].targets[]`"));
    }

    #[test]
    fn a_field_of_several_kinds_shows_each_and_an_object_in_it_has_a_table() {
        let page = picker();
        assert_eq!(line(&page, "endpoints")[1], "list of strings or object");
        let scorers = line(&page, "scorers");
        assert_eq!(scorers[1..3], ["string or list of objects", "`\"recommended\"`"]);
        assert_eq!(scorers[3], "`\"recommended\"`, `\"reference\"`");
        assert!(scorers[4].contains("<br>`\"reference\"`: "));
        assert!(scorers[4].contains("<br>list of objects: "));
        assert_eq!(line(&page, "cluster")[2], "none");
        assert_eq!(line(&page, "scrape")[1..3], ["object", "its fields'"]);
        for path in ["scrape", "pools[]", "pools[].endpoints", "pools[].scorers[]"] {
            assert!(page.contains(&format!("### `{path}`")), "{path}");
        }
    }

    #[test]
    fn what_is_not_understood_shows() {
        let odd = json!({"properties": {"a": {"allOf": [{"type": "string"}]}}});
        assert_eq!(tables(&odd).matches(UNKNOWN).count(), 3);
    }
}
