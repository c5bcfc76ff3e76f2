//! Settings, admission, subsets and session tokens.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::pools::EndpointId;
use crate::server_metrics::MetricsReader;

fn endpoint(text: &str) -> EndpointId {
    text.parse().expect(text)
}

#[test]
fn the_smallest_configurations_are_accepted() {
    let listed = r#"{"pools":[{"name":"vllm-llama3-8b-instruct","cluster":"vllm-llama3-8b-instruct",
        "endpoints":["127.0.0.1:8002","127.0.0.1:8001"]}]}"#;
    let settings = Settings::from_json(listed.as_bytes()).expect("listed endpoints");
    let expected = [endpoint("127.0.0.1:8001"), endpoint("127.0.0.1:8002")];
    assert_eq!(settings.pools[0].endpoints, EndpointSource::Listed(expected.to_vec()));
    let discovered = r#"{"pools":[{"name":"p","endpoints":{"envoyAdmin":"envoy_admin"}}]}"#;
    let settings = Settings::from_json(discovered.as_bytes()).expect("discovered endpoints");
    assert_eq!(settings.pools[0].endpoints, EndpointSource::EnvoyAdmin("envoy_admin".to_owned()));
    assert!(settings.pool_of("p").is_some_and(|(place, pool)| place == 0 && pool.name == "p"));
    assert!(settings.pool_of("q").is_none());
    assert!(Settings::from_json(b"").is_ok());
}

#[test]
fn a_wrong_configuration_is_told_by_field_and_expectation() {
    let pool =
        |more: &str| format!(r#"{{"pools":[{{"name":"p","endpoints":["10.0.0.1:1"]{more}}}]}}"#);
    for (json, field, part) in [
        (r#"{"pool":[]}"#.to_owned(), "pool", "unknown field"),
        (r#"{"pools":[{"name":"p"}]}"#.to_owned(), "pools[0]", "endpoints"),
        (
            r#"{"pools":[{"name":"p","endpoints":["x"]}]}"#.to_owned(),
            "pools[0].endpoints[0]",
            "10.0.0.1:8000",
        ),
        (
            r#"{"pools":[{"name":"p","endpoints":["10.0.0.1:1","10.0.0.1:1"]}]}"#.to_owned(),
            "pools[0].endpoints[1]",
            "twice",
        ),
        (
            r#"{"pools":[{"name":"a","endpoints":[]},{"name":"a","endpoints":[]}]}"#.to_owned(),
            "pools[1].name",
            "already a pool",
        ),
        (
            r#"{"pools":[{"name":"a","endpoints":[]},{"name":"b","cluster":"a","endpoints":[]}]}"#
                .to_owned(),
            "pools[1].cluster",
            "already the cluster of \"a\"",
        ),
        (pool(r#","otherClusters":["q","q"]"#), "pools[0].otherClusters[1]", "twice"),
        (pool(r#","otherClusters":["p"]"#), "pools[0].otherClusters[0]", "twice"),
        (
            r#"{"pools":[{"name":"a","endpoints":[]},{"name":"b","otherClusters":["c","a"],"endpoints":[]}]}"#
                .to_owned(),
            "pools[1].otherClusters[1]",
            "already the cluster of \"a\"",
        ),
        (pool(r#","server":"ollama""#), "pools[0].server", "expected one of"),
        (pool(r#","metrics":{"waiting":"a b"}"#), "pools[0].metrics.waiting", "a b"),
        (pool(r#","metrics":{"kvUsage":"m{x=1"}"#), "pools[0].metrics.kvUsage", "}"),
        (pool(r#","metrics":{"queue":"m"}"#), "pools[0].metrics.queue", "loraRequests"),
        (pool(r#","orca":"text""#), "pools[0].orca", "boolean"),
        (pool(r#","retryPools":["q"]"#), "pools[0].retryPools[0]", "no pool"),
        (pool(r#","retryPools":["p"]"#), "pools[0].retryPools[0]", "itself"),
        (
            r#"{"pools":[{"name":"a","endpoints":[],"retryPools":["b","b"]},{"name":"b","endpoints":[]}]}"#
                .to_owned(),
            "pools[0].retryPools[1]",
            "twice",
        ),
        (pool(r#","metricsPath":"metrics""#), "pools[0].metricsPath", "start with"),
        (pool(r#","scorers":[{"name":"best"}]"#), "pools[0].scorers[0].name", "queue-scorer"),
        (pool(r#","scorers":[{"name":"queue-scorer","weight":-1}]"#), "pools[0].scorers", "weight"),
        (pool(r#","ranked":9"#), "pools[0].ranked", "between 1 and 8"),
        (pool(r#","freshMs":10,"staleMs":10"#), "pools[0].staleMs", "not above"),
        (pool(r#","staleMs":1000"#), "pools[0].staleMs", "not above freshMs, 1000"),
        (r#"{"scrape":{"intervalMs":1}}"#.to_owned(), "scrape.intervalMs", "between"),
        (r#"{"scrape":{"cluster":""}}"#.to_owned(), "scrape.cluster", "empty"),
        (r#"{"objectives":[{"name":"a"},{"name":"a"}]}"#.to_owned(), "objectives[1].name", "twice"),
        (
            r#"{"models":[{"name":"a","criticality":"Low"}]}"#.to_owned(),
            "models[0].criticality",
            "Sheddable",
        ),
        (r#"{"sessionHeader":"a b"}"#.to_owned(), "sessionHeader", "header"),
    ] {
        let error = Settings::from_json(json.as_bytes()).err().unwrap_or_else(|| panic!("{json}"));
        assert_eq!(error.field, field, "{json}: {error}");
        assert!(error.problem.contains(part), "{json}: {error}");
    }
}

#[test]
fn metrics_are_fresh_for_several_scrapes_however_rare_unless_configured() {
    for (pool, scrape, fresh, stale) in [
        ("", "{}", 1_000, 5_000),
        ("", r#"{"intervalMs":50}"#, 1_000, 5_000),
        ("", r#"{"intervalMs":60000}"#, 300_000, 1_500_000),
        (r#","freshMs":3000"#, r#"{"intervalMs":1000}"#, 3_000, 15_000),
        (r#","freshMs":0"#, "{}", 0, 5_000),
        (r#","staleMs":6000"#, r#"{"intervalMs":1000}"#, 5_000, 6_000),
        (r#","freshMs":700,"staleMs":800"#, r#"{"intervalMs":1000}"#, 700, 800),
    ] {
        let json =
            format!(r#"{{"pools":[{{"name":"p","endpoints":[]{pool}}}],"scrape":{scrape}}}"#);
        let settings = Settings::from_json(json.as_bytes()).expect("valid");
        let staleness = settings.pools[0].profile.staleness;
        let ages = (staleness.fresh_for.as_millis(), staleness.stale_after.as_millis());
        assert_eq!(ages, (fresh, stale), "{json}");
    }
}

#[test]
fn requests_of_all_clusters_of_a_pool_are_picked_for() {
    let json = r#"{"pools":[{"name":"a","endpoints":[]},
        {"name":"b","cluster":"b1","otherClusters":["b2","b3"],"endpoints":[]}]}"#;
    let settings = Settings::from_json(json.as_bytes()).expect("valid");
    let place = |cluster| settings.pool_of(cluster).map(|(place, _)| place);
    assert_eq!(["a", "b1", "b2", "b3"].map(place), [Some(0), Some(1), Some(1), Some(1)]);
    assert_eq!(place("b"), None);
}

#[test]
fn a_metric_of_one_s_own_replaces_the_servers() {
    let json = r#"{"pools":[{"name":"p","endpoints":[],"server":"vllm",
        "metrics":{"waiting":"my_queue{kind=\"chat\"}","kvUsage":"my_cache"}}]}"#;
    let settings = Settings::from_json(json.as_bytes()).expect("valid");
    let mut reader = MetricsReader::new(&settings.pools[0].metrics);
    reader.feed(
        b"my_queue{kind=\"chat\"} 3\nmy_queue{kind=\"batch\"} 9\nvllm:num_requests_waiting 7\n\
          vllm:num_requests_running 2\nmy_cache 0.5\nvllm:kv_cache_usage_perc 0.9\n",
    );
    let metrics = reader.finish().metrics;
    assert_eq!((metrics.waiting, metrics.running), (Some(3), Some(2)));
    assert_eq!(metrics.kv_usage, Some(0.5));
}

#[test]
fn retry_pools_may_stand_before_and_behind() {
    let json = r#"{"pools":[{"name":"a","endpoints":[],"retryPools":["c","b"]},
        {"name":"b","endpoints":[],"retryPools":["a"]},{"name":"c","endpoints":[]}]}"#;
    let settings = Settings::from_json(json.as_bytes()).expect("valid");
    let places: Vec<_> = settings.pools.iter().map(|pool| pool.retry_pools.clone()).collect();
    assert_eq!(places, [vec![2, 1], vec![0], vec![]]);
}

#[test]
fn priority_comes_from_the_objective_then_the_model() {
    let json = r#"{"objectives":[{"name":"batch","priority":-5},{"name":"chat"}],
        "models":[{"name":"bulk","criticality":"Sheddable"},{"name":"vip","criticality":"Critical"}]}"#;
    let settings = Settings::from_json(json.as_bytes()).expect("valid");
    assert_eq!(settings.priority(Some("batch"), Some("vip")), Priority(-5));
    assert_eq!(settings.priority(Some("chat"), Some("bulk")), Priority(0));
    assert_eq!(settings.priority(Some("unknown"), Some("bulk")), Priority(-1));
    assert_eq!(settings.priority(None, Some("vip")), Priority(1));
    assert_eq!(settings.priority(None, None), Priority(0));
}

#[test]
fn only_sheddable_requests_are_refused_and_only_when_saturated() {
    assert_eq!(Priority(-1).admit(1.0), Admission::Shed);
    assert_eq!(Priority(-1).admit(0.99), Admission::Admitted);
    assert_eq!(Priority(0).admit(9.0), Admission::Admitted);
}

#[test]
fn session_tokens_lead_back_and_nothing_else_does() {
    for text in ["10.0.0.1:8000", "[2001:db8::1]:80"] {
        let token = session_token(endpoint(text));
        assert_eq!(session_endpoint(token.as_bytes()), Some(endpoint(text)));
    }
    for token in [&b""[..], b"!!", b"\xff", b"MTI3", &[b'A'; 5_000]] {
        assert_eq!(session_endpoint(token), None);
    }
}

#[test]
fn subsets_are_lists_of_endpoints() {
    let list = parse_subset(b"10.0.0.1:80, [::1]:81,nonsense,\xff");
    assert_eq!(list, [endpoint("10.0.0.1:80"), endpoint("[::1]:81")]);
    assert_eq!(parse_subset(b""), []);
}
