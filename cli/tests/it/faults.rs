//! Bad manifests: each fault has its line, says what is wrong, and, where that is not
//! plain, what to do.

use igw::diagnostics::{Fault, FaultKind};
use igw::intent::{Endpoints, Settings, build};
use igw::manifests::{Input, Source, parse, read};

const POOL: &str = "
---
apiVersion: inference.networking.k8s.io/v1
kind: InferencePool
metadata: {name: blue}
spec: {selector: {matchLabels: {app: blue}}, targetPorts: [{number: 8000}]}
";

fn source(name: &str, text: &str) -> Source {
    Source { name: name.into(), release: None, text: text.to_owned() }
}

fn faults_of(text: &str, settings: &Settings) -> Vec<Fault> {
    let manifests = match parse(&[source("f", text)], "default") {
        Ok(manifests) => manifests,
        Err(faults) => return faults,
    };
    build(manifests.documents, settings).map(|_| ()).unwrap_err()
}

/// The only fault of `text`, which stands on `line` and says all of `words`.
#[track_caller]
fn refused(text: &str, line: usize, words: &[&str]) {
    let faults = faults_of(text, &Settings::default());
    assert_eq!(faults.len(), 1, "{faults:?}");
    let said = format!("{} {}", faults[0], faults[0].kind.help().unwrap_or_default());
    for word in words {
        assert!(said.contains(word), "{said}");
    }
    assert_eq!(faults[0].origin.line, line, "{said}");
}

fn route(rules: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: r}}\nspec:\n  rules:\n{rules}{POOL}"
    )
}

fn adapters(name: &str, base: &str, adapters: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  labels: {{inference.networking.k8s.io/bbr-managed: \"true\"}}\ndata:\n  baseModel: {base}\n  adapters: {adapters}\n"
    )
}

#[test]
fn what_is_not_yaml_is_refused_with_its_line() {
    refused("a: b\nc: [1, 2\nd: e\n", 3, &["not YAML"]);
    refused("kind: A\nkind: B\n", 2, &["not YAML", "duplicate"]);
}

#[test]
fn a_field_of_a_wrong_type_is_refused_at_its_line() {
    let rules =
        "  - backendRefs:\n    - kind: InferencePool\n      name: blue\n      weight: many\n";
    refused(&route(rules), 9, &["spec.rules.0.backendRefs.0.weight", "invalid type"]);
    let rules = "  - backendRefs:\n    - kind: InferencePool\n";
    refused(&route(rules), 7, &["spec.rules.0.backendRefs.0", "missing field `name`"]);
}

#[test]
fn a_document_without_a_name_and_values_without_a_release_are_refused() {
    refused("apiVersion: v1\nkind: Service\nmetadata: {}\n", 3, &["metadata", "`name`"]);
    refused("inferencePool: {}\n", 1, &["release", "RELEASE=FILE"]);
    refused("some: thing\n", 1, &["nothing this tool knows"]);
}

#[test]
fn values_that_mean_nothing_are_refused() {
    let backend = "    backendRefs: [{kind: InferencePool, name: blue}]\n";
    let cases = [
        ("  - timeouts: {request: soon}\n", 6, "a duration such as"),
        ("  - matches: [{path: {type: Glob, value: /}}]\n", 6, "Exact, PathPrefix"),
        ("  - matches: [{path: {value: v1}}]\n", 6, "begins with /"),
        ("  - matches: [{headers: [{type: Near, name: a, value: b}]}]\n", 6, "RegularExpression"),
    ];
    for (rule, line, words) in cases {
        refused(&route(&format!("{rule}{backend}")), line, &[words]);
    }
    refused(
        &route("  - backendRefs: [{kind: Bucket, name: b}]\n"),
        6,
        &["InferencePool or Service"],
    );
    refused(&route("  - backendRefs: [{name: b}]\n"), 6, &["a Service's port"]);
    let none = "  - backendRefs: [{kind: InferencePool, name: blue, weight: 0}]\n";
    refused(&route(none), 6, &["all weights are 0"]);
}

#[test]
fn an_adapter_on_two_bases_is_refused_with_both_places() {
    let text = adapters("a", "x", "\"[one, two]\"") + &adapters("b", "y", "\"[two]\"");
    refused(&text, 18, &["\"two\"", "\"y\"", "\"x\" at f:9"]);
    let text = adapters("a", "x", "\"[y]\"") + &adapters("b", "y", "\"[]\"");
    refused(&text, 9, &["\"y\" is an adapter of \"x\"", "a base model at f:17"]);
}

#[test]
fn adapters_that_are_no_list_are_refused() {
    refused(&adapters("a", "x", "\"one: two\""), 9, &["data.adapters", "a YAML list of names"]);
    refused(&adapters("a", "\" \"", "\"[]\""), 8, &["data.baseModel", "a model's name"]);
}

#[test]
fn an_unknown_pool_is_refused_with_those_there_are() {
    let rules = "  - backendRefs:\n    - {kind: InferencePool, name: bleu}\n";
    refused(&route(rules), 7, &["default/bleu", "the files define: default/blue"]);
    let model = format!(
        "apiVersion: inference.networking.x-k8s.io/v1alpha2\nkind: InferenceModel\nmetadata: {{name: m}}\nspec:\n  modelName: m\n  poolRef: {{name: bleu}}{POOL}"
    );
    refused(&model, 6, &["InferenceModel default/m", "default/bleu"]);
}

#[test]
fn more_matches_than_gateway_api_allows_are_refused() {
    let one = |n: usize| format!("    - headers: [{{name: X-Gateway-Model-Name, value: m{n}}}]\n");
    let rule = |from: usize, to: usize| {
        let matches: String = (from..to).map(one).collect();
        format!("  - backendRefs: [{{kind: InferencePool, name: blue}}]\n    matches:\n{matches}")
    };
    let fits = rule(0, 64) + &rule(64, 128);
    let parsed = parse(&[source("f", &route(&fits))], "default").unwrap();
    assert!(build(parsed.documents, &Settings::default()).is_ok());
    let over = fits + &rule(128, 129);
    refused(&route(&over), 5, &["129 matches; Gateway API allows 128", "several HTTPRoutes"]);
    refused(&route(&rule(0, 65)), 5, &["65 matches in one rule"]);
}

#[test]
fn one_object_in_two_forms_is_refused() {
    let other = POOL.replace("8000", "9000");
    refused(&format!("{POOL}{other}"), 9, &["InferencePool default/blue", "f:3", "keep one"]);
}

#[test]
fn a_model_rewritten_in_two_ways_is_refused() {
    let rewrite = |name: &str, to: &str| {
        format!(
            "\n---\napiVersion: inference.networking.x-k8s.io/v1alpha2\nkind: InferenceModelRewrite\nmetadata: {{name: {name}}}\nspec:\n  poolRef: {{name: blue}}\n  rules:\n  - matches: [{{model: {{value: a}}}}]\n    targets: [{{modelRewrite: {to}}}]"
        )
    };
    let text = format!("{POOL}{}{}", rewrite("x", "b"), rewrite("y", "c"));
    refused(&text, 24, &["\"a\" is rewritten here and, differently, at f:15"]);
}

#[test]
fn endpoints_of_a_pool_that_is_not_there_are_refused() {
    let endpoints = Endpoints::Addresses(vec!["127.0.0.1:1".parse().unwrap()]);
    let settings = Settings { endpoints: vec![("bleu".to_owned(), endpoints)], assume: false };
    let faults = faults_of(POOL, &settings);
    let said = format!("{} {}", faults[0], faults[0].kind.help().unwrap());
    assert_eq!(said, "command line: --endpoints: there is no pool \"bleu\" the pools are: blue");
}

#[test]
fn all_faults_are_told_at_once() {
    let rules = "  - backendRefs: [{kind: InferencePool, name: a}]\n    timeouts: {request: x}\n  - backendRefs: [{kind: InferencePool, name: b}]\n";
    assert_eq!(faults_of(&route(rules), &Settings::default()).len(), 3);
}

#[test]
fn a_file_with_nothing_to_import_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    std::fs::write(&path, "---\n---\n").unwrap();
    let faults = read(&[Input { release: None, path }], "default").unwrap_err();
    assert_eq!(faults[0].kind, FaultKind::Empty);
}
