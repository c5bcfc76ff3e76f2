use super::*;
use serde_json::{Value, json};

fn table(value: &Value) -> RouteTable {
    RouteTable::read(value)
}

fn request(path: &str, headers: &[(&str, &str)]) -> Request {
    Request {
        host: "localhost".to_owned(),
        path: path.to_owned(),
        headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
    }
}

/// The verdict of a route with this `match`.
fn verdict(when: &Value, request: &Request) -> Verdict {
    let table = table(&json!({"virtual_hosts": [{"domains": ["*"], "routes": [{"match": when}]}]}));
    table.hosts[0].routes[0].verdict(request)
}

fn takes(when: &Value, path: &str, headers: &[(&str, &str)]) -> bool {
    verdict(when, &request(path, headers)) == Verdict::Yes
}

#[test]
fn the_most_specific_host_wins_and_ports_do_not_count() {
    let table = table(&json!({"virtual_hosts": [
        {"name": "any", "domains": ["*"]},
        {"name": "wild", "domains": ["*.example.com", "api.*"]},
        {"name": "one", "domains": ["a.example.com:80"]},
    ]}));
    let name = |host: &str| table.host(host).unwrap().name.clone();
    assert_eq!(name("A.example.com:8080"), "one");
    assert_eq!(name("b.example.com"), "wild");
    assert_eq!(name("api.net"), "wild");
    assert_eq!(name("example.com"), "any");
    let none = RouteTable { name: String::new(), hosts: vec![table.hosts[2].clone()] };
    assert!(none.host("b.example.com").is_none());
}

#[test]
fn paths_match_as_envoy_matches_them() {
    assert!(takes(&json!({"prefix": "/"}), "/x?y", &[]));
    assert!(takes(&json!({"path": "/v1/x"}), "/v1/x?stream=1", &[]));
    assert!(!takes(&json!({"path": "/v1/x"}), "/v1/x/", &[]));
    assert!(takes(&json!({"path_separated_prefix": "/v1"}), "/v1", &[]));
    assert!(takes(&json!({"path_separated_prefix": "/v1"}), "/v1/x", &[]));
    assert!(!takes(&json!({"path_separated_prefix": "/v1"}), "/v10", &[]));
    assert!(takes(&json!({"safe_regex": {"regex": "/v[12]/.*"}}), "/v1/x", &[]));
    assert!(!takes(&json!({"safe_regex": {"regex": "/v1"}}), "/v1/x", &[]), "the whole path");
    assert!(takes(&json!({"prefix": "/V1", "case_sensitive": false}), "/v1/x", &[]));
}

#[test]
fn headers_match_in_todays_form_and_in_older_ones() {
    let header = |condition: Value| {
        let mut one = json!({"name": "X-M"});
        one.as_object_mut().unwrap().extend(condition.as_object().unwrap().clone());
        json!({"prefix": "/", "headers": [one]})
    };
    let of = |condition: Value, headers: &[(&str, &str)]| takes(&header(condition), "/", headers);
    assert!(of(json!({"string_match": {"exact": "a"}}), &[("x-m", "a")]));
    assert!(!of(json!({"string_match": {"exact": "a"}}), &[("x-m", "A")]));
    assert!(of(json!({"string_match": {"exact": "a", "ignore_case": true}}), &[("x-m", "A")]));
    assert!(of(json!({"exact_match": "a"}), &[("x-m", "a")]));
    assert!(of(json!({"string_match": {"safe_regex": {"regex": "a+"}}}), &[("x-m", "aa")]));
    assert!(!of(json!({"string_match": {"exact": "a"}}), &[]));
    assert!(of(json!({"string_match": {"exact": "a"}, "invert_match": true}), &[("x-m", "b")]));
    assert!(!of(json!({"string_match": {"exact": "a"}, "invert_match": true}), &[]));
    assert!(of(json!({"present_match": false}), &[]));
    assert!(of(json!({}), &[("x-m", "anything")]));
    let empty = json!({"string_match": {"exact": ""}, "treat_missing_header_as_empty": true});
    assert!(of(empty, &[]));
}

#[test]
fn a_reason_names_what_is_wanted_and_what_is_there() {
    let when = json!({"prefix": "/", "headers": [{"name": "X-M", "string_match": {"exact": "a"}}]});
    let Verdict::No(reason) = verdict(&when, &request("/", &[("x-m", "b")])) else { panic!() };
    assert_eq!(reason.to_string(), "header X-M is \"b\", wanted \"a\"");
    let Verdict::No(reason) = verdict(&when, &request("/", &[])) else { panic!() };
    assert_eq!(reason.to_string(), "there is no header X-M, wanted \"a\"");
}

#[test]
fn what_cannot_be_judged_is_never_a_match() {
    let when = json!({"prefix": "/", "dynamic_metadata": [{}]});
    let perhaps = Verdict::Perhaps("dynamic_metadata".to_owned());
    assert_eq!(verdict(&when, &request("/", &[])), perhaps);
    let when = json!({"path": "/a", "runtime_fraction": {}});
    assert!(matches!(verdict(&when, &request("/b", &[])), Verdict::No(_)));
}

#[test]
fn query_parameters_match() {
    let when =
        json!({"prefix": "/", "query_parameters": [{"name": "a", "string_match": {"exact": "1"}}]});
    assert!(takes(&when, "/?b=2&a=1", &[]));
    assert!(!takes(&when, "/?a=2", &[]) && !takes(&when, "/", &[]));
}
