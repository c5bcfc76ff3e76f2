//! The request's state machine against a host made of a map and a buffer.

mod world;

use filter_host::Flow;
use shared::prompt::RequestFacts;

use world::Exchange;

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_body_in_parts_is_held_until_its_end_and_routed() {
    let mut exchange = Exchange::post("");
    assert_eq!(exchange.routed(), (None, None), "spoofed headers go at once");
    assert_eq!(exchange.body(r#"{"model":"lo"#, false), Flow::Hold);
    assert_eq!(exchange.body(r#"ra","x":1"#, false), Flow::Hold);
    assert_eq!(exchange.body("}", true), Flow::Continue);
    assert_eq!(exchange.routed(), (some("lora"), some("base")));
    assert_eq!(exchange.upstream(), r#"{"model":"lora","x":1}"#);
    exchange.request.on_done();
    assert_eq!(exchange.outcomes(), ["adapter"]);
    let metrics = exchange.metrics();
    assert!(metrics.contains(&"igw_bbr_model_requests.model.lora".to_owned()), "{metrics:?}");
    assert!(metrics.contains(&"igw_bbr_body_bytes=22".to_owned()), "{metrics:?}");
}

#[test]
fn the_end_may_come_as_an_empty_part_or_twice_or_as_trailers() {
    let body = r#"{"model":"base"}"#;
    let mut exchange = Exchange::post("");
    exchange.body(body, false);
    assert_eq!(exchange.body("", true), Flow::Continue);
    assert_eq!(exchange.body("", true), Flow::Continue);
    assert_eq!(exchange.routed(), (some("base"), some("base")));
    assert_eq!(exchange.outcomes(), ["base_model"]);

    let mut exchange = Exchange::post("");
    exchange.body(body, false);
    assert_eq!(exchange.request.on_trailers(), Flow::Continue);
    assert_eq!(exchange.routed(), (some("base"), some("base")));
    assert_eq!(exchange.request.on_trailers(), Flow::Continue);
    assert_eq!(exchange.outcomes(), ["base_model"]);
    let metrics = exchange.metrics();
    assert_eq!(metrics.iter().filter(|m| **m == "igw_bbr_body_bytes=16").count(), 1, "{metrics:?}");
}

#[test]
fn a_repeated_last_part_changes_nothing() {
    let body = r#"{"model":"base"}"#;
    let mut exchange = Exchange::post("");
    exchange.body(body, false);
    assert_eq!(exchange.request.on_body(body.len(), false), Flow::Hold);
    assert_eq!(exchange.request.on_body(body.len(), true), Flow::Continue);
    assert_eq!(exchange.outcomes(), ["base_model"]);
}

#[test]
fn a_fault_is_answered_at_once_and_nothing_goes_upstream() {
    let mut exchange = Exchange::post("");
    assert_eq!(exchange.body(r#"{"prompt":"secret",!"#, false), Flow::Hold);
    assert_eq!(exchange.status(), Some(400));
    exchange.request.on_done();
    assert_eq!(exchange.outcomes(), ["malformed_json"]);
    assert_eq!(exchange.upstream(), "");
    let warnings = exchange.world.borrow().warnings.clone();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("id-1") && warnings[0].contains("byte 19"), "{warnings:?}");
    assert!(!warnings[0].contains("secret"), "{warnings:?}");
}

#[test]
fn a_body_above_the_limit_is_refused_by_count_and_by_announcement() {
    let mut exchange = Exchange::post("");
    exchange.body("{", false);
    assert_eq!(exchange.body(&" ".repeat(200), false), Flow::Hold);
    assert_eq!(exchange.status(), Some(413));

    let headers =
        [(":path", "/v1/x"), ("content-type", "application/json"), ("content-length", "201")];
    let mut exchange = Exchange::new("", &headers);
    assert_eq!(exchange.request.on_headers(false), Flow::Hold);
    assert_eq!(exchange.status(), Some(413));
    assert_eq!(exchange.outcomes(), ["body_too_large"]);
}

#[test]
fn a_body_that_is_only_sniffed_is_not_measured() {
    let form = ("content-type", "application/x-www-form-urlencoded");
    let mut exchange = Exchange::new("", &[(":path", "/v1/x"), form, ("content-length", "1000")]);
    assert_eq!(exchange.request.on_headers(false), Flow::Hold);
    assert_eq!(exchange.body(&"x".repeat(1000), true), Flow::Continue);
    let mut exchange = Exchange::new("", &[(":path", "/v1/x"), form, ("content-length", "1000")]);
    assert_eq!(exchange.request.on_headers(false), Flow::Hold);
    assert_eq!(exchange.body(" {", false), Flow::Hold);
    assert_eq!(exchange.status(), Some(413));
}

#[test]
fn first_model_releases_early_and_checks_the_rest() {
    let first = r#","routeOn":"firstModel""#;
    let mut exchange = Exchange::post(first);
    assert_eq!(exchange.body(r#"{"a":1,"#, false), Flow::Hold);
    assert_eq!(exchange.body(r#""model":"lora","#, false), Flow::Continue);
    assert_eq!(exchange.routed(), (some("lora"), some("base")));
    assert_eq!(exchange.body(r#""b":[1,"#, false), Flow::Continue);
    assert_eq!(exchange.body("2]}", true), Flow::Continue);
    assert_eq!(exchange.upstream(), r#"{"a":1,"model":"lora","b":[1,2]}"#);
    assert_eq!(exchange.outcomes(), ["adapter"]);

    for (rest, outcome) in
        [(r#""model":"base"}"#, "duplicate_model"), ("]", "malformed_json"), ("", "malformed_json")]
    {
        let mut exchange = Exchange::post(first);
        exchange.body(r#"{"model":"lora","#, false);
        assert_eq!(exchange.body(rest, true), Flow::Hold, "{rest}");
        assert_eq!(exchange.status(), Some(400), "{rest}");
        exchange.request.on_done();
        assert_eq!(exchange.outcomes(), [outcome], "{rest}");
    }
}

#[test]
fn first_model_counts_the_limit_over_the_whole_body() {
    let mut exchange = Exchange::post(r#","routeOn":"firstModel""#);
    exchange.body(r#"{"model":"lora","x":""#, false);
    assert_eq!(exchange.body(&"x".repeat(150), false), Flow::Continue);
    assert_eq!(exchange.body(&"x".repeat(150), false), Flow::Hold);
    assert_eq!(exchange.status(), Some(413));
}

#[test]
fn a_rewrite_changes_the_value_alone_and_mends_the_length() {
    for more in ["", r#","routeOn":"firstModel""#] {
        let before = r#"{"prompt":"alias","model" : "\u0061lias" ,"n":1}"#;
        let mut exchange = Exchange::post(more);
        exchange.world.borrow_mut().headers.insert("content-length".to_owned(), b"48".to_vec());
        assert_eq!(exchange.request.on_headers(false), Flow::Hold);
        assert_eq!(
            exchange.body(&before[..40], false),
            if more.is_empty() { Flow::Hold } else { Flow::Continue }
        );
        assert_eq!(exchange.body(&before[40..], true), Flow::Continue);
        let after = r#"{"prompt":"alias","model" : "lora" ,"n":1}"#;
        assert_eq!(exchange.upstream(), after);
        assert_eq!(exchange.header("content-length"), some(&after.len().to_string()));
        assert_eq!(exchange.routed(), (some("lora"), some("base")));
    }
}

#[test]
fn a_rewrite_reaches_into_forms() {
    let form = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nalias\r\n--b--\r\n";
    let headers = [
        (":path", "/v1/audio/transcriptions"),
        ("content-type", "multipart/form-data; boundary=b"),
    ];
    let mut exchange = Exchange::new("", &headers);
    assert_eq!(exchange.request.on_headers(false), Flow::Hold);
    assert_eq!(exchange.body(form, true), Flow::Continue);
    assert_eq!(exchange.upstream(), form.replace("alias", "lora"));
    assert_eq!(exchange.routed(), (some("lora"), some("base")));
}

#[test]
fn bodies_of_other_kinds_pass_as_they_are() {
    let headers = [(":path", "/v1/x"), ("content-type", "application/x-www-form-urlencoded")];
    let mut exchange = Exchange::new("", &headers);
    assert_eq!(exchange.request.on_headers(false), Flow::Hold);
    assert_eq!(exchange.body("model=lora", false), Flow::Continue);
    assert_eq!(exchange.body("&x={", true), Flow::Continue);
    assert_eq!(exchange.upstream(), "model=lora&x={");
    assert_eq!(exchange.routed(), (None, None));
    assert_eq!(exchange.outcomes(), ["passed"]);

    let mut exchange = Exchange::new("", &[(":path", "/v1/x"), ("content-type", "image/png")]);
    assert_eq!(exchange.request.on_headers(false), Flow::Continue);
    assert_eq!(exchange.outcomes(), ["passed"]);
}

#[test]
fn models_are_listed_and_shown() {
    let get = |path: &str| {
        let mut exchange = Exchange::new("", &[(":method", "GET"), (":path", path)]);
        assert_eq!(exchange.request.on_headers(true), Flow::Hold, "{path}");
        exchange.world.take().answer.expect("an answer")
    };
    let (status, list) = get("/v1/models");
    assert_eq!(status, 200);
    let ids: Vec<_> =
        list["data"].as_array().expect("a list").iter().map(|m| m["id"].clone()).collect();
    assert_eq!(ids, ["base", "lora", "alias"]);
    let (status, lora) = get("/v1/models/lora");
    assert_eq!((status, &lora["parent"], &lora["created"]), (200, &"base".into(), &5.into()));
    let (status, missing) = get("/v1/models/nope");
    assert_eq!((status, &missing["error"]["code"]), (404, &"model_not_found".into()));
}

#[test]
fn a_client_that_leaves_is_counted_once() {
    let mut exchange = Exchange::post("");
    exchange.body("{", false);
    exchange.request.on_done();
    exchange.request.on_done();
    assert_eq!(exchange.outcomes(), ["aborted"]);
}

#[test]
fn a_host_that_loses_the_body_gets_a_500_not_a_guess() {
    let mut exchange = Exchange::post("");
    exchange.world.borrow_mut().body_is_lost = true;
    exchange.body(r#"{"model":"lora"}"#, true);
    assert_eq!(exchange.status(), Some(500));
    assert_eq!(exchange.routed(), (None, None));
}

#[test]
fn hostile_request_ids_do_not_reach_the_log_raw() {
    let mut exchange = Exchange::post("");
    let id = [b"\xff\n".as_slice(), &[b'x'; 500]].concat();
    exchange.world.borrow_mut().headers.insert("x-request-id".to_owned(), id);
    exchange.body("!", true);
    let warnings = exchange.world.borrow().warnings.clone();
    assert!(
        warnings[0].starts_with("request \\xff\\nxx") && warnings[0].len() < 200,
        "{warnings:?}"
    );
}

const DIGEST: &str = r#","promptDigest":{"charactersPerToken":1,"blockTokens":16}"#;

/// The facts of a body that comes in parts of 9 bytes.
fn facts(more: &str, body: &str) -> Option<RequestFacts> {
    let mut exchange = Exchange::post(more);
    for part in body.as_bytes().chunks(9) {
        exchange.body(str::from_utf8(part).expect("ASCII"), false);
    }
    exchange.body("", true);
    assert_eq!(exchange.status(), None);
    assert_eq!(exchange.upstream().is_empty(), body.is_empty());
    exchange.facts()
}

#[test]
fn facts_of_the_prompt_are_told_to_the_filters_behind() {
    let body = |model: &str| {
        format!(
            r#"{{"model":"{model}","max_tokens":7,"messages":[{{"role":"user","content":"{}"}}]}}"#,
            "x".repeat(99)
        )
    };
    let lora = facts(DIGEST, &body("lora")).expect("facts");
    assert_eq!((lora.max_tokens, lora.block_tokens, lora.chain.len()), (Some(7), 16, 6));
    assert_eq!(facts("", &body("lora")), None, "not asked for");
    // What counts is the model that reads the prompt, not the name it was asked by.
    assert_eq!(facts(DIGEST, &body("alias")), Some(lora.clone()));
    let base = facts(DIGEST, &body("base")).expect("facts");
    assert!(base.chain.iter().all(|block| !lora.chain.contains(block)));
}

#[test]
fn a_body_without_model_has_facts_and_one_without_prompt_has_none() {
    assert!(facts(DIGEST, r#"{"prompt":"a"}"#).is_some());
    assert_eq!(facts(DIGEST, r#"{"model":"lora"}"#), None);
}

#[test]
fn a_refused_body_tells_nothing() {
    let mut exchange = Exchange::post(DIGEST);
    exchange.body(r#"{"model":"lora","prompt":"a"}x"#, true);
    assert_eq!(exchange.status(), Some(400));
    assert_eq!(exchange.facts(), None);
}
