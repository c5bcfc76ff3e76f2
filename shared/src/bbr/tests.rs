//! Settings, plans, bodies and routes together.

use super::*;
use crate::config::ConfigError;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn settings(json: &str) -> Settings {
    Settings::from_json(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn config_error(json: &str) -> String {
    let ConfigError { field, problem } =
        Settings::from_json(json.as_bytes()).err().unwrap_or_else(|| panic!("{json} was accepted"));
    format!("{field}: {problem}")
}

fn guides() -> Settings {
    settings(
        r#"{"baseModels":[
            {"name":"meta-llama/Llama-3.1-8B-Instruct","adapters":["food-review-1"]},
            {"name":"deepseek/vllm-deepseek-r1","adapters":[" ski-resorts ","", "movie-critique"]}]}"#,
    )
}

fn no_entropy(_: SplitBy) -> Entropy {
    panic!("nothing to decide")
}

#[test]
fn the_smallest_configuration_and_none_at_all_are_accepted() {
    assert_eq!(guides().catalog.counts(), (2, 3));
    assert_eq!(settings("").max_body_bytes, 16 << 20);
    assert_eq!(settings("{}").route_on, RouteOn::Complete);
}

#[test]
fn a_wrong_configuration_is_told_by_field_and_expectation() {
    for (json, field, part) in [
        ("[]", ".", "expected a JSON object"),
        ("{", ".", "EOF"),
        ("{} {}", ".", "trailing"),
        (r#"{"basemodels":[]}"#, "basemodels", "unknown field `basemodels`, expected one of"),
        (r#"{"baseModels":[{"name":"a","adapter":[]}]}"#, "baseModels[0].adapter", "unknown field"),
        (r#"{"baseModels":[{"name":1}]}"#, "baseModels[0].name", "expected a string"),
        (r#"{"baseModels":[{"name":"a"},{"name":" "}]}"#, "baseModels[1].name", "empty"),
        (r#"{"baseModels":[{"name":"a\nb"}]}"#, "baseModels[0].name", "control"),
        (
            r#"{"baseModels":[{"name":"a","adapters":["x"]},{"name":"b","adapters":["y","x"]}]}"#,
            "baseModels[1].adapters[1]",
            "\"x\" is already an adapter of \"a\"",
        ),
        (
            r#"{"baseModels":[{"name":"a","adapters":["a"]}]}"#,
            "baseModels[0].adapters[0]",
            "\"a\" is already a base model",
        ),
        (r#"{"maxBodyBytes":0}"#, "maxBodyBytes", "not between 1 and"),
        (r#"{"maxBodyBytes":-1}"#, "maxBodyBytes", "u64"),
        (r#"{"routeOn":"first"}"#, "routeOn", "expected `complete` or `firstModel`"),
        (r#"{"paths":["/v1/*","v2"]}"#, "paths[1]", "must start with"),
        (
            r#"{"modelRewrites":[{"model":"m","targets":[]}]}"#,
            "modelRewrites[0].targets",
            "weight above 0",
        ),
        (
            r#"{"modelRewrites":[{"model":"m","targets":[{"model":"a","weight":1},{"model":"b"}]}]}"#,
            "modelRewrites[0].targets",
            "all targets a weight, or none",
        ),
        (
            r#"{"modelRewrites":[{"model":"m","targets":[{"model":"a","weight":1000001}]}]}"#,
            "modelRewrites[0].targets[0].weight",
            "above 1000000",
        ),
        (
            r#"{"modelRewrites":[{"model":"m","targets":[{"model":"a"}]},{"model":"m","targets":[{"model":"b"}]}]}"#,
            "modelRewrites[1].model",
            "already rewritten",
        ),
        (
            r#"{"onUnknownModel":"reject","modelRewrites":[{"model":"m","targets":[{"model":"a"}]}]}"#,
            "modelRewrites[0].targets[0].model",
            "not among baseModels",
        ),
    ] {
        let error = config_error(json);
        assert!(error.starts_with(&format!("{field}: ")), "{json}: {error}");
        assert!(error.contains(part), "{json}: {error}");
    }
}

fn head<'a>(path: &'a str, content_type: Option<&'a str>) -> RequestHead<'a> {
    RequestHead {
        path: path.as_bytes(),
        content_type: content_type.map(str::as_bytes),
        ..RequestHead::default()
    }
}

#[test]
fn bodies_are_read_on_the_configured_paths_only() {
    let settings = settings(r#"{"paths":["/v1/*","*/score"]}"#);
    let plan = |path| plan(&settings, &head(path, Some("application/json")));
    assert_eq!(plan("/v1/chat/completions?x=1"), Plan::Read(BodyKind::Json));
    assert_eq!(plan("/team/score"), Plan::Read(BodyKind::Json));
    assert_eq!(plan("/v2/chat"), Plan::Pass);
    assert_eq!(plan(""), Plan::Pass);
}

#[test]
fn what_cannot_be_read_is_refused_from_its_headers() {
    let settings = settings(r#"{"maxBodyBytes":10}"#);
    let json = head("/v1/x", Some("application/json"));
    let gzip = RequestHead { content_encoding: Some(b"gzip"), ..json };
    assert_eq!(plan(&settings, &gzip), Plan::Reject(Rejection::EncodedBody));
    let encoded = |encodings: &[&'static str]| {
        let path = (&b":path"[..], &b"/v1/x"[..]);
        let encodings = encodings.iter().map(|e| (&b"content-encoding"[..], e.as_bytes()));
        RequestHead::from_headers(
            [path, (b"content-type", b"application/json")].into_iter().chain(encodings),
        )
        .content_encoding
    };
    assert_eq!(encoded(&[" Identity ", ""]), None);
    assert_eq!(encoded(&["identity", "br"]), Some(&b"br"[..]));
    let large = RequestHead { content_length: Some(b"11"), ..json };
    assert_eq!(plan(&settings, &large), Plan::Reject(Rejection::BodyTooLarge { limit: 10 }));
    let fits = RequestHead { content_length: Some(b"10"), ..json };
    assert_eq!(plan(&settings, &fits), Plan::Read(BodyKind::Json));
    let form = head("/v1/x", Some("multipart/form-data"));
    assert_eq!(plan(&settings, &form), Plan::Reject(FormTypeError::NoBoundary.into()));
    let compressed_image =
        RequestHead { content_encoding: Some(b"gzip"), ..head("/v1/x", Some("image/png")) };
    assert_eq!(plan(&settings, &compressed_image), Plan::Pass);
}

#[test]
fn model_lists_are_answered_only_when_switched_on() {
    let get = |settings: &Settings, method: &'static [u8], path: &'static [u8]| {
        plan_without_body(settings, &RequestHead { method, path, ..RequestHead::default() })
    };
    let off = settings("{}");
    assert_eq!(get(&off, b"GET", b"/v1/models"), Plan::Pass);
    let on = settings(r#"{"serveModels":true}"#);
    assert_eq!(get(&on, b"GET", b"/v1/models?limit=3"), Plan::ListModels);
    assert_eq!(get(&on, b"HEAD", b"/v1/models/"), Plan::ListModels);
    assert_eq!(get(&on, b"GET", b"/v1/models/a/b%2Fc%20d"), Plan::ShowModel("a/b/c d".to_owned()));
    assert_eq!(get(&on, b"GET", b"/v1/models/%ff"), Plan::ShowModel("\u{fffd}".to_owned()));
    assert_eq!(get(&on, b"GET", b"/v1/modelsx"), Plan::Pass);
    assert_eq!(get(&on, b"DELETE", b"/v1/models/a"), Plan::Pass);
    assert_eq!(get(&on, b"GET", b"/metrics"), Plan::Pass);
}

fn read(kind: BodyKind, body: &[u8]) -> Result<Found, Rejection> {
    let mut reader = BodyReader::new(kind, None).expect("a kind that is read");
    for chunk in body.chunks(7) {
        if reader.feed(chunk)? == Progress::NotOurs {
            return Ok(Found::NotOurs);
        }
    }
    reader.finish().map(|(found, _)| found)
}

fn json(body: &str) -> Result<Found, Rejection> {
    read(BodyKind::Json, body.as_bytes())
}

#[test]
fn json_bodies_give_their_model_or_the_reason_why_not() {
    assert!(
        matches!(json(r#"{"model":"m"}"#), Ok(Found::Model(Named { name, .. })) if name == "m")
    );
    assert_eq!(json("{}"), Ok(Found::NoModel));
    assert_eq!(json(""), Err(Rejection::EmptyBody));
    assert_eq!(json("[]"), Err(Rejection::NotAnObject));
    assert_eq!(json("\"model\""), Err(Rejection::NotAnObject));
    assert_eq!(json(r#"{"model":null}"#), Err(Rejection::ModelNotAString));
    assert_eq!(json(r#"{"model":1,"model":"m"}"#), Err(Rejection::ModelNotAString));
    assert_eq!(json(r#"{"model":"a","x":{},"model":"a"}"#), Err(Rejection::DuplicateModel));
    let long = format!("{{\"model\":\"{}\"}}", "m".repeat(513));
    assert_eq!(json(&long), Err(Rejection::InvalidModel(crate::models::InvalidModelName::TooLong)));
    assert!(matches!(json("{"), Err(Rejection::NotJson(_))));
    assert!(matches!(json("{}}"), Err(Rejection::NotJson(_))));
}

#[test]
fn bodies_of_unsaid_type_are_json_if_they_start_so() {
    let sniff = |body: &str| read(BodyKind::Sniff, body.as_bytes());
    assert!(matches!(sniff("          {\"model\":\"m\"}"), Ok(Found::Model(_))));
    assert_eq!(sniff("model=m&x={}"), Ok(Found::NotOurs));
    assert_eq!(sniff("[{\"model\":\"m\"}]"), Ok(Found::NotOurs));
    assert_eq!(sniff("         "), Ok(Found::NotOurs));
    assert_eq!(sniff(""), Ok(Found::NotOurs));
    assert!(matches!(sniff("{model"), Err(Rejection::NotJson(_))));
}

#[test]
fn known_models_get_their_base_and_unknown_ones_none() {
    let settings = guides();
    let route = |name: &str| {
        let route = settings.route(name.to_owned(), no_entropy).expect(name);
        (
            route.model.to_string(),
            route.base.map(ToString::to_string),
            route.outcome,
            route.rewritten,
        )
    };
    let llama = "meta-llama/Llama-3.1-8B-Instruct".to_owned();
    assert_eq!(
        route("food-review-1"),
        ("food-review-1".to_owned(), Some(llama.clone()), Outcome::Adapter, false)
    );
    assert_eq!(route(&llama), (llama.clone(), Some(llama), Outcome::BaseModel, false));
    assert_eq!(route("gpt-4"), ("gpt-4".to_owned(), None, Outcome::UnknownModel, false));
}

#[test]
fn unknown_models_are_refused_on_demand_and_impossible_names_always() {
    let settings = settings(r#"{"baseModels":[{"name":"a"}],"onUnknownModel":"reject"}"#);
    let refused = |name: &str| settings.route(name.to_owned(), no_entropy).expect_err(name);
    assert_eq!(refused("b"), Rejection::UnknownModel { model: "b".to_owned() });
    assert!(matches!(refused(""), Rejection::InvalidModel(_)));
    assert!(matches!(refused("a\r\nx: y"), Rejection::InvalidModel(_)));
}

#[test]
fn a_rewritten_name_routes_as_its_target() {
    let settings = settings(
        r#"{"baseModels":[{"name":"base","adapters":["v1","v2"]}],"modelRewrites":[
            {"model":"alias","targets":[{"model":"v1"}]},
            {"model":"base","targets":[{"model":"base","weight":1},{"model":"v2","weight":1}]}]}"#,
    );
    let route = settings.route("alias".to_owned(), no_entropy).expect("one target");
    assert_eq!((route.model.as_str(), route.rewritten), ("v1", true));
    assert_eq!(route.base.map(|base| base.as_str()), Some("base"));
    let mut seen = std::collections::BTreeSet::new();
    for n in 0..64_u64 {
        let route = settings.route("base".to_owned(), |by| {
            assert_eq!(by, SplitBy::RequestId);
            Entropy::RequestId(n.to_le_bytes().to_vec())
        });
        let route = route.expect("a target");
        assert_eq!(route.rewritten, route.model.as_str() == "v2");
        seen.insert(route.model.to_string());
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["base", "v2"]);
}

#[test]
fn every_rejection_is_an_openai_error_object() {
    let rejections = [
        json("{").expect_err("truncated"),
        Rejection::EmptyBody,
        Rejection::NotAnObject,
        Rejection::DuplicateModel,
        Rejection::ModelNotAString,
        Rejection::InvalidModel(crate::models::InvalidModelName::Empty),
        Rejection::MissingModel,
        Rejection::UnknownModel { model: "a \"b\"".to_owned() },
        Rejection::BodyTooLarge { limit: 1 },
        Rejection::EncodedBody,
        FormTypeError::NoBoundary.into(),
        FormError::CutShort.into(),
        Rejection::ModelIsAFile,
        Rejection::Host,
    ];
    for rejection in rejections {
        let body: serde_json::Value =
            serde_json::from_slice(&rejection.error_object().to_json()).expect("JSON");
        let error = &body["error"];
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        assert!(error["code"].is_string() && error["type"].is_string(), "{body}");
        assert_eq!(error["type"] == "server_error", rejection.status() >= 500, "{body}");
        assert!(error["param"].is_null() || error["param"] == "model", "{body}");
    }
}

#[test]
fn outcome_labels_are_distinct() {
    let labels: std::collections::BTreeSet<_> = Outcome::ALL.iter().map(|o| o.label()).collect();
    assert_eq!(labels.len(), Outcome::ALL.len());
}

#[test]
fn prompt_digests_are_off_by_default_and_checked() {
    assert_eq!(settings("{}").prompt_digest, None);
    assert!(settings(r#"{"promptDigest":{}}"#).prompt_digest.is_some());
    for (config, field) in [
        (r#"{"promptDigest":{},"routeOn":"firstModel"}"#, "promptDigest"),
        (r#"{"promptDigest":{"charactersPerToken":0}}"#, "promptDigest.charactersPerToken"),
        (r#"{"promptDigest":{"blockTokens":15}}"#, "promptDigest.blockTokens"),
        (r#"{"promptDigest":{"maxBlocks":257}}"#, "promptDigest.maxBlocks"),
    ] {
        let error = Settings::from_json(config.as_bytes()).expect_err(config).to_string();
        assert!(error.contains(&format!("{field}:")), "{error}");
    }
}
