//! What manifests mean: the rules that golden files show by example, one by one.

use igw::diagnostics::{Assumption, Doubt, NoticeKind};
use igw::intent::{BASE_MODEL_HEADER, Endpoints, Intent, MODEL_HEADER, PathMatch, Settings, build};
use igw::manifests::{Source, parse};

fn understand(text: &str, settings: &Settings) -> (Intent, Vec<NoticeKind>) {
    let source = Source { name: "f".into(), release: Some("r".to_owned()), text: text.to_owned() };
    let documents = parse(&[source], "default").unwrap().documents;
    let (intent, notices) = build(documents, settings).unwrap();
    (intent, notices.into_iter().map(|notice| notice.kind).collect())
}

fn meaning(text: &str) -> Intent {
    understand(text, &Settings::default()).0
}

fn route(name: &str, matches: &str, pool: &str) -> String {
    format!(
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: {name}}}\nspec:\n  parentRefs: [{{name: g}}]\n  rules:\n  - matches: [{matches}]\n    backendRefs: [{{kind: InferencePool, name: {pool}}}]\n"
    )
}

fn by(header: &str, value: &str) -> String {
    format!("{{headers: [{{name: {header}, value: {value}}}]}}")
}

fn adapters(base: &str, adapters: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {base}, labels: {{inference.llm-d.ai/ipp-managed: \"true\"}}}}\ndata: {{baseModel: {base}, adapters: \"{adapters}\"}}\n"
    )
}

#[test]
fn an_adapter_without_a_route_follows_its_base_model() {
    let text = route("a", &by(MODEL_HEADER, "base"), "p") + &adapters("base", "[x]");
    let (intent, notices) = understand(&text, &Settings::default());
    let implied = intent.routes.iter().find(|route| route.implied).unwrap();
    assert_eq!(implied.rules[0].matches[0].exact_header(MODEL_HEADER), Some("x"));
    assert_eq!(implied.rules[0].backends, intent.routes[0].rules[0].backends);
    let follows = Assumption::Follows { leader: "base".into(), route: "default/a".into() };
    let said = NoticeKind::Assumed { subject: "model \"x\"".into(), assumption: follows };
    assert!(notices.contains(&said), "{notices:?}");
    assert_eq!(intent.pools[0].servers.adapters, ["x"]);
}

#[test]
fn a_model_that_some_route_takes_gets_no_other() {
    let by_base = route("a", &by(BASE_MODEL_HEADER, "base"), "p") + &adapters("base", "[x]");
    let by_default = route("a", "{path: {value: /}}", "p") + &adapters("base", "[x]");
    for text in [by_base, by_default] {
        assert!(meaning(&text).routes.iter().all(|route| !route.implied), "{text}");
    }
}

#[test]
fn a_model_without_a_pool_is_doubtful_and_simulation_gives_it_one() {
    let text = adapters("base", "[]");
    let (intent, notices) = understand(&text, &Settings::default());
    assert!(intent.pools.is_empty());
    let is_doubt =
        |kind: &NoticeKind| matches!(kind, NoticeKind::Doubtful { doubt: Doubt::Unreachable, .. });
    assert!(notices.iter().any(is_doubt), "{notices:?}");
    let (intent, _) = understand(&text, &Settings { assume: true, ..Settings::default() });
    assert_eq!(intent.pools[0].servers.bases, ["base"]);
}

#[test]
fn matches_are_tried_in_the_order_of_gateway_api() {
    let longest = route("z", "{path: {value: /v1/chat}}", "p");
    let exact = route("y", "{path: {type: Exact, value: /v1}}", "p");
    let two = "{headers: [{name: a, value: b}, {name: c, value: d}]}";
    let default = route("a", "{path: {value: /}}", "p");
    let text =
        default + &route("b", &by("a", "b"), "p") + &route("c", two, "p") + &longest + &exact;
    let intent = meaning(&text);
    let matches = intent.ordered_matches();
    let order: Vec<&str> = matches.iter().map(|one| one.route.name.name.as_str()).collect();
    assert_eq!(order, ["y", "z", "c", "b", "a"]);
    assert_eq!(matches[0].when.path, PathMatch::Exact("/v1".to_owned()));
}

#[test]
fn endpoints_define_a_pool_that_nothing_else_defines() {
    let pool = "---\napiVersion: inference.networking.k8s.io/v1\nkind: InferencePool\nmetadata: {name: q}\nspec: {selector: {matchLabels: {a: b}}, targetPorts: [{number: 1}]}\n";
    let text = route("a", &by(MODEL_HEADER, "m"), "p") + pool;
    let endpoints = Endpoints::Addresses(vec!["10.0.0.1:80".parse().unwrap()]);
    let settings = Settings { endpoints: vec![("p".into(), endpoints.clone())], assume: false };
    let (intent, _) = understand(&text, &settings);
    let pool = intent.pools.iter().find(|pool| pool.id == "p").unwrap();
    assert!(pool.implied);
    assert_eq!(pool.endpoints, endpoints);
}

#[test]
fn a_headless_service_is_preferred_and_another_kind_is_doubtful() {
    let service = |name: &str, headless: &str| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{headless} selector: {{a: b}}, ports: [{{port: 80, targetPort: 8000}}]}}\n"
        )
    };
    let pool = "---\napiVersion: inference.networking.k8s.io/v1\nkind: InferencePool\nmetadata: {name: q}\nspec: {selector: {matchLabels: {a: b, c: d}}, targetPorts: [{number: 8000}]}\n";
    let host = |intent: &Intent| match &intent.pools[0].endpoints {
        Endpoints::Dns(list) => (list[0].host.clone(), list[0].port),
        other => panic!("{other:?}"),
    };
    let both = format!("{pool}{}{}", service("one", ""), service("many", "clusterIP: None,"));
    assert_eq!(host(&meaning(&both)), ("many.default.svc.cluster.local".to_owned(), 8000));
    let (intent, notices) =
        understand(&format!("{pool}{}", service("one", "")), &Settings::default());
    assert_eq!(host(&intent), ("one.default.svc.cluster.local".to_owned(), 80));
    let is_doubt =
        |kind: &NoticeKind| matches!(kind, NoticeKind::Doubtful { doubt: Doubt::NotHeadless, .. });
    assert!(notices.iter().any(is_doubt), "{notices:?}");
}

#[test]
fn a_chart_makes_the_pool_the_route_and_the_objectives_it_makes_in_a_cluster() {
    let values = "
inferencePool:
  modelServers: {matchLabels: {app: a}}
  targetPortNumber: 9000
  modelServerType: sglang
experimentalHttpRoute: {enabled: true, baseModel: base, inferenceGatewayName: g}
inferenceObjectives: [{name: batch, priority: -1}]
";
    let intent = meaning(values);
    assert_eq!((intent.pools[0].id.as_str(), &intent.pools[0].ports[..]), ("r", &[9000][..]));
    let route = &intent.routes[0];
    assert_eq!(route.parents[0].gateway.name, "g");
    let rule = &route.rules[0];
    assert_eq!(rule.matches[0].exact_header(BASE_MODEL_HEADER), Some("base"));
    assert_eq!(rule.timeouts.request.map(|limit| limit.as_secs()), Some(300));
    assert_eq!(
        (intent.objectives[0].name.name.as_str(), intent.objectives[0].priority),
        ("batch", -1)
    );
    assert_eq!(intent.catalog.base_of("base"), Some("base"));
}

#[test]
fn a_route_that_no_listener_serves_is_doubtful() {
    let gateway = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: g}\nspec: {listeners: [{name: http, port: 80, protocol: HTTP}]}\n";
    let detached = route("a", "{}", "p").replace("{name: g}", "{name: g, sectionName: https}");
    let (_, notices) = understand(&(detached + gateway), &Settings::default());
    let is_doubt = |kind: &NoticeKind| {
        matches!(kind, NoticeKind::Doubtful { doubt: Doubt::NoSuchListener { .. }, .. })
    };
    assert!(notices.iter().any(is_doubt), "{notices:?}");
}
