//! Every configuration that the documentation or a shipped file shows is one that the
//! filter accepts, and the JSON Schema agrees with the filter.

use crate::markdown::{code_blocks, pages};
use crate::project;
use envoy_runner::Bootstrap;
use jsonschema::Validator;
use serde_json::Value;
use shared::bbr::{BbrConfig, Settings};

fn schema() -> Validator {
    jsonschema::validator_for(&schemars::schema_for!(BbrConfig).to_value()).unwrap()
}

#[test]
fn every_configuration_in_the_documentation_is_accepted() {
    let schema = schema();
    let mut found = 0;
    for page in pages() {
        for block in code_blocks(&page.text).filter(|block| block.info == "json") {
            let value: Value = serde_json::from_str(&block.text).unwrap();
            assert!(schema.is_valid(&value), "{}: {}", page.name, block.text);
            let settings = Settings::from_json(block.text.as_bytes());
            assert!(settings.is_ok(), "{}: {settings:?}", page.name);
            found += 1;
        }
    }
    assert!(found >= 4, "only {found} configurations found");
}

#[test]
fn the_shipped_configuration_is_accepted() {
    let bootstrap = Bootstrap::load(project::root().join("envoy-config/guides.yaml")).unwrap();
    let value = bootstrap.plugin_configuration("bbr").unwrap();
    assert!(schema().is_valid(&value));
    assert!(Settings::from_json(value.to_string().as_bytes()).is_ok());
}

#[test]
fn schema_and_filter_refuse_the_same_shapes() {
    let schema = schema();
    for wrong in [
        r#"{"baseModel": []}"#,
        r#"{"baseModels": [{}]}"#,
        r#"{"baseModels": [{"name": ""}]}"#,
        r#"{"baseModels": {"name": "a"}}"#,
        r#"{"modelRewrites": [{"model": "a", "targets": []}]}"#,
        r#"{"modelRewrites": [{"model": "a", "targets": [{"model": "b", "weight": 1000001}]}]}"#,
        r#"{"modelRewrites": [{"model": "a", "targets": [{"model": "b"}], "splitBy": "x"}]}"#,
        r#"{"routeOn": "first"}"#,
        r#"{"maxBodyBytes": 0}"#,
        r#"{"maxBodyBytes": 1073741825}"#,
        r#"{"paths": ["v1/*"]}"#,
        r#"{"paths": ["/v1/*/x"]}"#,
        r#"{"paths": ["/v1?x"]}"#,
        r#"{"paths": ["**"]}"#,
        r#"{"serveModels": "yes"}"#,
        "[]",
    ] {
        assert!(!schema.is_valid(&serde_json::from_str(wrong).unwrap()), "{wrong}");
        assert!(Settings::from_json(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn schema_and_filter_accept_the_same_paths() {
    let schema = schema();
    for path in ["/", "*", "/*", "/score", "/v1/*", "*/chat/completions", "*x"] {
        let value = serde_json::json!({"paths": [path]});
        assert!(schema.is_valid(&value), "{path}");
        assert!(Settings::from_json(value.to_string().as_bytes()).is_ok(), "{path}");
    }
}
