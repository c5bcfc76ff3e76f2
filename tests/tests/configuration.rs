//! A bad plugin configuration is refused by `envoy --mode validate`, by the field's name.

use envoy_runner::{Bootstrap, ValidateError, validate};
use gateway_tests::{Setup, binary, guides_plugin};
use serde_json::{Value, json};

fn bootstrap() -> Bootstrap {
    let mut bootstrap = Setup::guides().into_bootstrap();
    // Compiling the other filter would double the time.
    bootstrap.without_filter("picker").unwrap();
    bootstrap
}

/// The configuration is refused, and the log has all of `words` on one line.
#[track_caller]
fn expect_refused(text: &str, words: &[&str]) {
    let mut bootstrap = bootstrap();
    bootstrap.with_plugin_text("bbr", text).unwrap();
    match validate(&binary(), &bootstrap) {
        Err(ValidateError::Refused { log }) => {
            let found = log.lines().any(|line| words.iter().all(|word| line.contains(word)));
            assert!(found, "{text}: no line has {words:?}:\n{log}");
            assert!(!log.contains("panicked"), "{text}: {log}");
            // What docs/troubleshooting.md tells operators to look for.
            assert!(log.contains("Unable to create Wasm plugin "), "{text}: {log}");
        }
        other => panic!("{text}: {other:?}"),
    }
}

#[track_caller]
fn expect_accepted(text: &str) {
    let mut bootstrap = bootstrap();
    bootstrap.with_plugin_text("bbr", text).unwrap();
    if let Err(error) = validate(&binary(), &bootstrap) {
        panic!("{text}: {error}");
    }
}

/// The guides' configuration with one field changed.
fn with(pointer: &str, value: Value) -> String {
    let mut plugin = guides_plugin();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = plugin.pointer_mut(parent).unwrap();
    match field.parse::<usize>() {
        Ok(index) => parent[index] = value,
        Err(_) => parent[field] = value,
    }
    plugin.to_string()
}

#[test]
fn good_ones_are_accepted() {
    expect_accepted(&guides_plugin().to_string());
    expect_accepted("{}");
    expect_accepted("");
    let all = json!({
        "baseModels": [{"name": "b", "adapters": ["a", " ", ""]}, {"name": "c"}],
        "modelRewrites": [{"model": "x", "targets": [{"model": "a", "weight": 1}],
            "splitBy": "random"}],
        "routeOn": "firstModel", "onUnknownModel": "reject", "onMissingModel": "reject",
        "maxBodyBytes": 1, "paths": ["/v1/*", "*/completions", "/x", "*"], "serveModels": true,
    });
    expect_accepted(&all.to_string());
}

#[test]
fn text_that_is_no_json() {
    expect_refused("not json", &["bbr configuration", "expected a JSON object"]);
    expect_refused("{\"baseModels\": [}", &["bbr configuration", "baseModels"]);
    expect_refused("{} {}", &["bbr configuration", "trailing"]);
    expect_refused("[]", &["bbr configuration"]);
}

#[test]
fn unknown_fields() {
    expect_refused(&with("/baseModel", json!([])), &["baseModel"]);
    expect_refused(&with("/baseModels/1/adapter", json!([])), &["baseModels[1]", "`adapter`"]);
    expect_refused(&with("/base_models", json!([])), &["base_models"]);
}

#[test]
fn wrong_types() {
    expect_refused(&with("/baseModels/1/adapters/0", json!(7)), &["baseModels[1].adapters[0]"]);
    expect_refused(&with("/baseModels/0/name", json!(null)), &["baseModels[0].name"]);
    expect_refused(&with("/maxBodyBytes", json!("16MiB")), &["maxBodyBytes"]);
    expect_refused(&with("/serveModels", json!("yes")), &["serveModels"]);
    expect_refused(&with("/routeOn", json!("later")), &["routeOn", "later"]);
}

#[test]
fn names_that_mean_two_things() {
    expect_refused(
        &with("/baseModels/1/adapters/0", json!("food-review-1")),
        &["baseModels[1].adapters[0]", "food-review-1", "meta-llama/Llama-3.1-8B-Instruct"],
    );
    expect_refused(
        &with("/baseModels/2/name", json!("deepseek/vllm-deepseek-r1")),
        &["baseModels[2].name", "deepseek/vllm-deepseek-r1"],
    );
    let twice = json!([
        {"model": "x", "targets": [{"model": "chatbot"}]},
        {"model": "x", "targets": [{"model": "chatbot"}]},
    ]);
    expect_refused(&with("/modelRewrites", twice), &["modelRewrites[1].model", "\"x\""]);
}

#[test]
fn values_out_of_range() {
    expect_refused(&with("/maxBodyBytes", json!(0)), &["maxBodyBytes"]);
    expect_refused(&with("/maxBodyBytes", json!((1_u64 << 30) + 1)), &["maxBodyBytes"]);
    expect_refused(&with("/maxBodyBytes", json!(-1)), &["maxBodyBytes"]);
    expect_refused(&with("/paths", json!(["/v1/*", "v1"])), &["paths[1]"]);
    expect_refused(&with("/paths", json!(["/a*b"])), &["paths[0]"]);
    expect_refused(&with("/baseModels/0/name", json!(" ")), &["baseModels[0].name"]);
    expect_refused(&with("/baseModels/0/name", json!("a\nb")), &["baseModels[0].name"]);
}

#[test]
fn rewrites_that_cannot_be() {
    let rewrite =
        |targets: Value| with("/modelRewrites", json!([{"model": "x", "targets": targets}]));
    expect_refused(&rewrite(json!([])), &["modelRewrites[0].targets"]);
    expect_refused(&rewrite(json!([{"model": "a", "weight": 0}])), &["modelRewrites[0].targets"]);
    expect_refused(
        &rewrite(json!([{"model": "a", "weight": 1}, {"model": "b"}])),
        &["modelRewrites[0].targets"],
    );
    expect_refused(
        &rewrite(json!([{"model": "a"}, {"model": "b", "wait": 1}])),
        &["modelRewrites[0].targets[1]", "`wait`"],
    );
    expect_refused(
        &rewrite(json!([{"model": "a", "weight": 1_000_001}])),
        &["modelRewrites[0].targets[0].weight"],
    );
    let strict = json!({"onUnknownModel": "reject",
        "modelRewrites": [{"model": "x", "targets": [{"model": "nowhere"}]}]});
    expect_refused(&strict.to_string(), &["modelRewrites[0].targets[0].model", "nowhere"]);
}
