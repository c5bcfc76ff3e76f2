//! The published JSON Schema says the same as the validation.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::Settings;

/// As `cargo xtask docs` writes it from the types.
const SCHEMA: &str = include_str!("../../../docs/picker-filter.schema.json");

/// A field's schema, by its type (none: the whole configuration).
fn field(definition: Option<&str>, name: &str) -> Value {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let object = definition.map_or(&schema, |definition| &schema["$defs"][definition]);
    object["properties"][name].clone()
}

/// A configuration in which only this field is of interest.
fn with(definition: Option<&str>, name: &str, value: Value) -> Value {
    let mut object = json!({});
    object[name] = value;
    match definition {
        None => object,
        Some("ScrapeConfig") => json!({"scrape": object}),
        Some("PoolConfig") => {
            let mut pool = json!({"name": "p", "endpoints": [], "freshMs": 0});
            pool[name] = object[name].take();
            json!({"pools": [pool]})
        }
        Some("ScorerConfig") => {
            let mut scorer = json!({"name": "queue-scorer"});
            scorer[name] = object[name].take();
            let scorers = json!([scorer, {"name": "load-scorer"}]);
            json!({"pools": [{"name": "p", "endpoints": [], "scorers": scorers}]})
        }
        Some("HeaderConfig") => {
            let mut header = json!({"name": "x-a", "value": "b"});
            header[name] = object[name].take();
            json!({"explainFor": header})
        }
        Some("StatusConfig") => {
            let mut status = json!({"path": "/status", "route": "r"});
            status[name] = object[name].take();
            json!({"status": status})
        }
        Some("ObjectiveConfig") => json!({"objectives": [object]}),
        Some("ModelCriticalityConfig") => {
            object["criticality"] = json!("Standard");
            json!({"models": [object]})
        }
        Some(other) => panic!("{other}"),
    }
}

/// The fields with bounds, by type.
fn bounded() -> Vec<(Option<String>, String)> {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let mut objects = vec![(None, schema.clone())];
    let definitions = schema["$defs"].as_object().expect("definitions");
    objects.extend(definitions.iter().map(|(name, object)| (Some(name.clone()), object.clone())));
    let mut found = Vec::new();
    for (definition, object) in objects {
        for (name, field) in object["properties"].as_object().into_iter().flatten() {
            let bounds = ["minimum", "maximum", "minLength", "pattern"];
            let unsigned_only = field["minimum"] == json!(0)
                && field["format"].as_str().is_some_and(|format| format.starts_with("uint"));
            if bounds.iter().any(|bound| !field[*bound].is_null())
                && !(unsigned_only && field["maximum"].is_null())
            {
                found.push((definition.clone(), name.clone()));
            }
        }
    }
    found
}

#[test]
fn bounds_in_the_schema_are_those_of_the_validation() {
    let accepts = |definition: &Option<String>, name: &str, value: Value| {
        let config = with(definition.as_deref(), name, value).to_string();
        Settings::from_json(config.as_bytes()).is_ok()
    };
    let fields = bounded();
    for (definition, name) in &fields {
        let field = field(definition.as_deref(), name);
        let about = format!("{definition:?}.{name}: {field}");
        let float = field["format"] == "float";
        if let Some(least) = field["minimum"].as_f64() {
            let value = |n: f64| if float { json!(n) } else { json!(n as i64) };
            assert!(accepts(definition, name, value(least)), "{about}");
            assert!(!accepts(definition, name, value(least - 1.0)), "{about}");
        }
        if let Some(most) = field["maximum"].as_i64() {
            assert!(accepts(definition, name, json!(most)), "{about}");
            assert!(!accepts(definition, name, json!(most + 1)), "{about}");
        }
        if field["minLength"] == 1 {
            assert!(accepts(definition, name, json!("x")), "{about}");
            assert!(!accepts(definition, name, json!("")), "{about}");
        }
        if field["pattern"] == "^/" {
            assert!(accepts(definition, name, json!("/x")), "{about}");
            assert!(!accepts(definition, name, json!("x")), "{about}");
        }
    }
    let names: Vec<_> = fields.iter().map(|(_, name)| name.as_str()).collect();
    for name in ["ranked", "staleMs", "weight", "intervalMs", "timeoutMs", "concurrency"] {
        assert!(names.contains(&name), "{name} has bounds: {names:?}");
    }
}
