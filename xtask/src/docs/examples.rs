//! Every configuration that the documentation or a shipped file shows is one that its
//! filter accepts, and the JSON Schemas agree with the filters.

use super::filters;
use crate::markdown::{code_blocks, pages};
use crate::project;
use envoy_runner::Bootstrap;
use jsonschema::Validator;
use serde_json::Value;
use shared::config::ConfigError;
use shared::{bbr, picker};

fn schema(filter: &str) -> Validator {
    let filter = filters().into_iter().find(|known| known.name == filter).unwrap();
    jsonschema::validator_for(&filter.schema).unwrap()
}

/// A configuration, read and written again, with every default spelled out.
fn again(filter: &str, json: &str) -> String {
    match filter {
        "bbr" => serde_json::to_string(&serde_json::from_str::<bbr::BbrConfig>(json).unwrap()),
        "picker" => {
            serde_json::to_string(&serde_json::from_str::<picker::PickerConfig>(json).unwrap())
        }
        other => panic!("no filter {other}"),
    }
    .unwrap()
}

/// Has a filter read its configuration.
pub(super) fn read(filter: &str, json: &str) -> Result<(), ConfigError> {
    match filter {
        "bbr" => bbr::Settings::from_json(json.as_bytes()).map(drop),
        "picker" => picker::Settings::from_json(json.as_bytes()).map(drop),
        other => panic!("no filter {other}"),
    }
}

#[test]
fn every_configuration_in_the_documentation_is_accepted_and_survives_being_written() {
    let names = filters().map(|filter| filter.name);
    let mut found = names.map(|_| 0);
    for page in pages() {
        for block in code_blocks(&page.text) {
            let mut info = block.info.split(' ');
            if info.next() != Some("json") {
                continue;
            }
            let filter = info.next().and_then(|name| names.iter().position(|known| *known == name));
            let n = filter.unwrap_or_else(|| panic!("{}: of which filter? {block:?}", page.name));
            let value: Value = serde_json::from_str(&block.text).unwrap();
            assert!(schema(names[n]).is_valid(&value), "{}: {}", page.name, block.text);
            let settings = read(names[n], &block.text);
            assert!(settings.is_ok(), "{}: {settings:?}", page.name);
            let written = again(names[n], &block.text);
            assert!(
                schema(names[n]).is_valid(&serde_json::from_str(&written).unwrap()),
                "{written}"
            );
            assert_eq!(read(names[n], &written), Ok(()), "{written}");
            assert_eq!(again(names[n], &written), written);
            found[n] += 1;
        }
    }
    assert!(found[0] >= 4 && found[1] >= 3, "only {found:?} configurations found");
}

#[test]
fn the_shipped_configurations_are_accepted() {
    for file in ["guides.yaml", "imported.yaml"] {
        let path = project::root().join("envoy-config").join(file);
        let bootstrap = Bootstrap::load(path).unwrap();
        for filter in filters() {
            let value = bootstrap.plugin_configuration(filter.name).unwrap();
            assert!(schema(filter.name).is_valid(&value), "{}", filter.name);
            assert_eq!(read(filter.name, &value.to_string()), Ok(()), "{}", filter.name);
        }
    }
}

#[test]
fn schema_and_filter_refuse_the_same_shapes() {
    let schema = schema("bbr");
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
        assert!(read("bbr", wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_picker_s_schema_and_filter_refuse_the_same_shapes() {
    let schema = schema("picker");
    for wrong in [
        r#"{"pool": []}"#,
        r#"{"pools": [{"name": "a"}]}"#,
        r#"{"pools": [{"endpoints": []}]}"#,
        r#"{"pools": [{"name": "a", "endpoints": "b"}]}"#,
        r#"{"pools": [{"name": "a", "endpoints": {}}]}"#,
        r#"{"pools": [{"name": "a", "endpoints": [], "server": "x"}]}"#,
        r#"{"pools": [{"name": "a", "endpoints": [], "scorers": "x"}]}"#,
        r#"{"pools": [{"name": "a", "endpoints": [], "scorers": [{"weight": 1}]}]}"#,
        r#"{"pools": [{"name": "a", "endpoints": [], "ranked": -1}]}"#,
        r#"{"scrape": {"interval": 1}}"#,
        r#"{"objectives": [{"priority": 1}]}"#,
        r#"{"models": [{"name": "a", "criticality": "standard"}]}"#,
        r#"{"explain": 1}"#,
        "[]",
    ] {
        assert!(!schema.is_valid(&serde_json::from_str(wrong).unwrap()), "{wrong}");
        assert!(read("picker", wrong).is_err(), "{wrong}");
    }
}

#[test]
fn schema_and_filter_accept_the_same_paths() {
    let schema = schema("bbr");
    for path in ["/", "*", "/*", "/score", "/v1/*", "*/chat/completions", "*x"] {
        let value = serde_json::json!({"paths": [path]});
        assert!(schema.is_valid(&value), "{path}");
        assert!(read("bbr", &value.to_string()).is_ok(), "{path}");
    }
}
