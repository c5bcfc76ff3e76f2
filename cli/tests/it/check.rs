//! `igw check FILES…`: bad files and what is said of them, and that nothing is said of good
//! ones.

use super::cases;
use igw::check::{Finding, Severity, files};
use igw::manifests::Input;
use igw::render::Target;
use std::fs;
use std::path::{Path, PathBuf};

/// The findings of files with these names and contents, without the folder's name.
fn findings(contents: &[(&str, &str)]) -> Vec<(Severity, String)> {
    let folder = tempfile::tempdir().unwrap();
    let write = |(name, text): &(&str, &str)| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        Input { release: None, path }
    };
    let inputs: Vec<Input> = contents.iter().map(write).collect();
    let prefix = format!("{}/", folder.path().display());
    let plain = |one: &Finding| (one.kind.severity(), one.to_string().replace(&prefix, ""));
    files(&inputs, "default").findings.iter().map(plain).collect()
}

/// The only finding; it begins with this place and says all of `words`.
#[track_caller]
fn only(contents: &[(&str, &str)], severity: Severity, place: &str, words: &[&str]) {
    let found = findings(contents);
    assert_eq!(found.len(), 1, "{found:#?}");
    let (own, said) = &found[0];
    assert_eq!(*own, severity, "{said}");
    assert!(said.starts_with(place), "{said}");
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What `igw import` makes of a set.
fn made(case: &str, target: Target, file: &str) -> String {
    let (intent, _) = cases::intent(&cases::sources(case));
    let files = cases::rendered(&intent, target);
    files.into_iter().find(|one| one.path == Path::new(file)).unwrap().text
}

/// `text` with `from` replaced, which must stand there.
#[track_caller]
fn with(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replace(from, to)
}

#[test]
fn nothing_is_said_of_what_the_import_makes_and_of_the_projects_examples() {
    let (intent, _) = cases::intent(&cases::sources("guides/002"));
    let mut inputs = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    for target in [Target::Envoy, Target::Istio] {
        for file in cases::rendered(&intent, target) {
            let path = folder.path().join(format!("{target:?}-{}", file.path.display()));
            fs::write(&path, file.text).unwrap();
            inputs.push(Input { release: None, path });
        }
    }
    inputs.push(Input { release: None, path: cases::folder().join("guides/002") });
    let checked = files(&inputs, "default");
    assert_eq!(checked.findings, [], "{:#?}", checked.findings);
    let example = |path: &str| Input { release: None, path: root().join(path) };
    let imported = ["envoy-config/imported.yaml", "istio/bbr.yaml", "istio/picker.yaml"];
    let imported = imported.iter().chain(&["examples"]).copied().map(example).collect::<Vec<_>>();
    for set in [imported, vec![example("envoy-gateway")], vec![example("envoy-config/guides.yaml")]]
    {
        assert_eq!(files(&set, "default").findings, []);
    }
    for seen in ["1 Envoy bootstrap", "2 EnvoyFilter", "1 WasmPlugin", "3 Deployment"] {
        assert!(checked.seen.iter().any(|one| one == seen), "{seen}: {:?}", checked.seen);
    }
}

#[test]
fn a_filters_configuration_is_judged_as_the_filter_does() {
    let bbr = r#"{
  "baseModels": [
    {"name": "a", "adapters": ["b"]},
    {"name": "c", "adapters": ["b"]}
  ]
}"#;
    let words = ["bbr configuration: baseModels[1].adapters[0]", "already an adapter of \"a\""];
    only(&[("bbr.json", bbr)], Severity::Error, "bbr.json:4: ", &words);
    let bbr = "{\"baseModels\": [], \"maxBodyBytes\": 0}";
    only(&[("b.json", bbr)], Severity::Error, "b.json:1: ", &["maxBodyBytes: 0 is not between"]);
    let bbr = "{\"baseModels\": [{\"nam\": \"a\"}]}";
    only(
        &[("b.json", bbr)],
        Severity::Error,
        "b.json:1: ",
        &["baseModels[0].nam", "unknown field `nam`"],
    );
    let picker = "{\n\"pools\": [{\"name\": \"p\", \"endpoints\": [\"x\"]}]}";
    only(
        &[("p.json", picker)],
        Severity::Error,
        "p.json:2: ",
        &["picker", "pools[0].endpoints[0]", "10.0.0.1:8000"],
    );
    let good = "{\"pools\": [{\"name\": \"p\", \"endpoints\": [\"10.0.0.1:80\"]}]}";
    assert_eq!(findings(&[("p.json", good)]), []);
}

#[test]
fn a_policy_of_envoy_gateway_needs_the_patch_that_lets_bbr_hold_headers() {
    let good = made("guides/003", Target::EnvoyGateway, "policies.yaml");
    assert_eq!(findings(&[("p.yaml", &good)]), []);
    let words = ["EnvoyExtensionPolicy", "allow_on_headers_stop_iteration", "EnvoyPatchPolicy"];
    let off = "path: typed_config/config/allow_on_headers_stop_iteration\n      value: true";
    for (from, to) in [
        (off, "path: typed_config/config/allow_on_headers_stop_iteration\n      value: false"),
        ("path: typed_config/config/allow_on_headers_stop_iteration", "path: disabled"),
        (
            "name: igw-inference-gateway\n  namespace: default\nspec:\n  targetRefs:\n  - group: gateway.networking.k8s.io\n    kind: Gateway\n    name: inference-gateway\n  wasm",
            "name: other\n  namespace: default\nspec:\n  targetRefs:\n  - group: gateway.networking.k8s.io\n    kind: Gateway\n    name: inference-gateway\n  wasm",
        ),
    ] {
        only(&[("p.yaml", &with(&good, from, to))], Severity::Error, "p.yaml:16: ", &words);
    }
}

#[test]
fn an_envoy_configuration_without_the_flag_is_an_error() {
    let good = made("guides/003", Target::Envoy, "envoy.yaml");
    let flag = "allow_on_headers_stop_iteration: true";
    assert_eq!(good.matches(flag).count(), 2, "bbr's, then the picker's, which needs none");
    let bad = good.replacen(flag, "allow_on_headers_stop_iteration: false", 1);
    let words = ["bbr has no allow_on_headers_stop_iteration", "answered 500", "beside vm_config"];
    only(&[("envoy.yaml", &bad)], Severity::Error, "envoy.yaml:", &words);
}

#[test]
fn buffers_and_windows_below_the_largest_body_are_errors() {
    let good = made("guides/003", Target::Envoy, "envoy.yaml");
    let bad = with(
        &good,
        "per_connection_buffer_limit_bytes: 20971520",
        "per_connection_buffer_limit_bytes: 1000",
    );
    only(
        &[("e.yaml", &bad)],
        Severity::Error,
        "e.yaml:",
        &["Envoy buffers 1000 bytes", "up to 16777216", "17825792 or more"],
    );
    let limit = |line: &&str| line.contains("per_connection_buffer_limit_bytes:");
    let none: Vec<&str> = good.lines().filter(|line| !limit(line)).collect();
    let none = none.join("\n");
    only(&[("e.yaml", &none)], Severity::Error, "e.yaml:", &["Envoy buffers 1048576 bytes"]);
    let bad =
        with(&good, "initial_stream_window_size: 20971520", "initial_stream_window_size: 65536");
    only(&[("e.yaml", &bad)], Severity::Error, "e.yaml:", &["window is 65536 bytes", "stall"]);
}

#[test]
fn filters_in_the_wrong_order_and_clusters_that_are_not_there_are_errors() {
    let good = made("guides/003", Target::Envoy, "envoy.yaml");
    let bad = with(&good, "  - name: igw_scrape\n", "  - name: other\n");
    only(
        &[("e.yaml", &bad)],
        Severity::Error,
        "e.yaml:",
        &["scrape.cluster is \"igw_scrape\"", "no such cluster"],
    );
    let bad = with(
        &good,
        "original_dst_lb_config: {use_http_header: true}",
        "original_dst_lb_config: {}",
    );
    only(
        &[("e.yaml", &bad)],
        Severity::Warning,
        "e.yaml:",
        &["use_http_header", "another endpoint's"],
    );
    let bad = with(&good, "- header: x-gateway-destination-endpoint", "- header: x-other");
    let found = findings(&[("e.yaml", &bad)]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].1.contains("no override_host policy, so picks are ignored"), "{found:#?}");
    // The filter between them is all that asks for the route.
    let bad = with(&good, "set_filter_state.v3.Config", "wasm.v3.Wasm")
        .replace("        - name: resolve-route\n", "");
    let found = findings(&[("e.yaml", &bad)]);
    assert!(found.iter().all(|(severity, _)| *severity == Severity::Error), "{found:#?}");
}

#[test]
fn a_model_without_a_route_and_a_filter_that_fails_open_are_doubtful() {
    let good = made("guides/003", Target::Envoy, "envoy.yaml");
    let bad = with(
        &good,
        "\"serveModels\": true",
        "\"modelRewrites\": [{\"model\": \"x\", \"targets\": [{\"model\": \"y\"}]}]",
    );
    only(
        &[("e.yaml", &bad)],
        Severity::Warning,
        "e.yaml:",
        &["no route to a pool", "\"x\"", "HTTPRoute"],
    );
    let bad = good.replacen("failure_policy: FAIL_RELOAD", "failure_policy: FAIL_OPEN", 1);
    only(&[("e.yaml", &bad)], Severity::Warning, "e.yaml:", &["bbr fails open", "FAIL_RELOAD"]);
    let bad = good.replacen("failure_policy: FAIL_RELOAD", "failure_policy: FAIL_CLOSED", 1);
    only(&[("e.yaml", &bad)], Severity::Warning, "e.yaml:", &["503 until Envoy restarts"]);
    let bare = "static_resources: {listeners: []}\n";
    only(&[("e.yaml", bare)], Severity::Error, "e.yaml:1: ", &["no listener has the BBR"]);
}

#[test]
fn an_envoyfilter_is_judged_with_those_beside_it() {
    let good = made("guides/003", Target::Istio, "bbr.yaml");
    assert_eq!(findings(&[("bbr.yaml", &good)]), []);
    let bad = with(&good, "            allow_on_headers_stop_iteration: true\n", "");
    only(&[("bbr.yaml", &bad)], Severity::Error, "bbr.yaml:", &["allow_on_headers_stop_iteration"]);
    let bad = with(
        &good,
        "per_connection_buffer_limit_bytes: 20971520",
        "per_connection_buffer_limit_bytes: 32768",
    );
    only(
        &[("bbr.yaml", &bad)],
        Severity::Error,
        "bbr.yaml:",
        &["32768 bytes is below", "16777216"],
    );
    let bad = with(&good, "per_connection_buffer_limit_bytes: 20971520", "stat_prefix: x");
    only(&[("bbr.yaml", &bad)], Severity::Warning, "bbr.yaml:", &["32 KiB"]);
    let bad = with(
        &good,
        "        name: igw-bbr\n        config_discovery",
        "        name: other-bbr\n        config_discovery",
    );
    let found = findings(&[("bbr.yaml", &bad)]);
    assert!(
        found[0].1.contains("no HTTP_FILTER patch")
            && found[1].1.contains("no EXTENSION_CONFIG patch"),
        "{found:#?}"
    );
    let bad = with(&good, "filters.http.rbac.v3.RBAC", "filters.http.lua.v3.Lua");
    only(&[("bbr.yaml", &bad)], Severity::Warning, "bbr.yaml:", &["does not allow", "RBAC"]);
    let bad = with(&good, "  - applyTo: LISTENER", "  - applyTo: LISTENERS");
    let found = findings(&[("bbr.yaml", &bad)]);
    assert!(found.iter().any(|(_, said)| said.contains("\"LISTENERS\" is not a value of EnvoyFilter's applyTo")), "{found:#?}");
    let bad = with(&good, "  configPatches:", "  configPatch: []\n  configPatches:");
    only(&[("bbr.yaml", &bad)], Severity::Error, "bbr.yaml:", &["unknown field `configPatch`"]);
    let bad = with(
        &good,
        "@sha256:1111111111111111111111111111111111111111111111111111111111111111",
        ":latest",
    );
    only(
        &[("bbr.yaml", &bad)],
        Severity::Warning,
        "bbr.yaml:",
        &["is a tag, which can move", "digest"],
    );
    let old = with(
        &good,
        "    match:\n      context: GATEWAY\n    patch:\n      operation: MERGE",
        "    match:\n      context: GATEWAY\n      proxy: {proxyVersion: '^1\\.27.*'}\n    patch:\n      operation: MERGE",
    );
    only(
        &[("bbr.yaml", &old)],
        Severity::Error,
        "bbr.yaml:",
        &["Istio 1.27", "use Istio 1.28 or newer"],
    );
}

#[test]
fn kinds_that_cannot_carry_bbr_are_errors() {
    let plugin = |config: &str, more: &str| {
        format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: p}}\nspec:\n  url: oci://r/m@sha256:1\n  failStrategy: FAIL_RELOAD\n{more}  pluginConfig: {config}\n"
        )
    };
    only(
        &[("w.yaml", &plugin("{baseModels: []}", ""))],
        Severity::Error,
        "w.yaml:",
        &["WasmPlugin: it cannot set", "EnvoyFilter of igw import"],
    );
    only(
        &[("w.yaml", &plugin("{pools: [{name: a}]}", ""))],
        Severity::Error,
        "w.yaml:7: ",
        &["picker", "pools[0]", "endpoints"],
    );
    only(
        &[("w.yaml", &plugin("{pools: []}", "  phase: FIRST\n"))],
        Severity::Error,
        "w.yaml:7: ",
        &["spec.phase", "AUTHN"],
    );
    assert_eq!(
        findings(&[("w.yaml", &plugin("{rules: []}", "  phase: FIRST\n"))]),
        [],
        "another project's"
    );
    let policy = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyExtensionPolicy\nmetadata: {name: p}\nspec:\n  wasm:\n  - name: bbr\n    code: {type: Image, image: {url: r/m, sha256: abc}}\n    config: {baseModels: []}\n";
    only(
        &[("p.yaml", policy)],
        Severity::Error,
        "p.yaml:6: ",
        &["EnvoyExtensionPolicy: it cannot", "EnvoyPatchPolicy"],
    );
}

#[test]
fn manifests_are_judged_by_their_types_and_references() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  ports: 3\n";
    only(
        &[("s.yaml", service)],
        Severity::Error,
        "s.yaml:5: ",
        &["Service: spec.ports", "expected a sequence"],
    );
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\nautomountServiceAccountToken: maybe\n";
    only(
        &[("s.yaml", account)],
        Severity::Error,
        "s.yaml:4: ",
        &["automountServiceAccountToken", "boolean"],
    );
    let route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\nspec:\n  parentRefs: [{name: g}]\n  rules:\n  - backendRefs: [{group: inference.networking.k8s.io, kind: InferencePool, name: bleu}]\n";
    let pool = "apiVersion: inference.networking.k8s.io/v1\nkind: InferencePool\nmetadata: {name: blue}\nspec: {selector: {matchLabels: {app: a}}, targetPorts: [{number: 80}]}\n";
    only(
        &[("r.yaml", route), ("p.yaml", pool)],
        Severity::Error,
        "r.yaml:7: ",
        &["default/bleu", "the files define: default/blue"],
    );
    let image = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: istiod}\nspec:\n  selector: {matchLabels: {app: a}}\n  template:\n    metadata: {labels: {app: a}}\n    spec:\n      containers:\n      - name: discovery\n        image: docker.io/istio/pilot:1.27.1\n";
    only(
        &[("d.yaml", image)],
        Severity::Error,
        "d.yaml:11: ",
        &["istio/pilot:1.27.1", "use Istio 1.28"],
    );
    only(&[("x.yaml", "a: [")], Severity::Error, "x.yaml:", &["not YAML"]);
    only(&[("x.yaml", "---\n")], Severity::Error, "x.yaml:1: ", &["nothing this tool knows"]);
}

#[test]
fn a_plugin_that_is_older_than_the_manifests_is_doubtful() {
    let bbr = made("guides/003", Target::Istio, "bbr.yaml");
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\n  labels: {inference.networking.k8s.io/bbr-managed: \"true\"}\ndata:\n  baseModel: deepseek/vllm-deepseek-r1\n  adapters: '[ski-resorts, new-one]'\n";
    let words = [
        "bbr does not know \"new-one\"",
        "an adapter of \"deepseek/vllm-deepseek-r1\"",
        "igw import",
    ];
    only(&[("bbr.yaml", &bbr), ("map.yaml", map)], Severity::Warning, "bbr.yaml:", &words);
    let other = with(map, "[ski-resorts, new-one]", "[food-review-1]");
    only(
        &[("bbr.yaml", &bbr), ("map.yaml", &other)],
        Severity::Warning,
        "bbr.yaml:",
        &["\"food-review-1\" as an adapter of \"meta-llama"],
    );
    let picker = made("guides/003", Target::Istio, "picker.yaml");
    let pool = "apiVersion: inference.networking.k8s.io/v1\nkind: InferencePool\nmetadata: {name: new}\nspec: {selector: {matchLabels: {app: a}}, targetPorts: [{number: 80}]}\n---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\nspec:\n  parentRefs: [{name: g}]\n  rules:\n  - backendRefs: [{group: inference.networking.k8s.io, kind: InferencePool, name: new}]\n";
    only(
        &[("picker.yaml", &picker), ("pool.yaml", pool)],
        Severity::Warning,
        "picker.yaml:",
        &["does not know InferencePool default/new"],
    );
}
