//! `modelRewrites`: another model in the body, and not one other byte changed.

use gateway_tests::{Call, Gateway, Rest, Setup, Shared, Version, unique};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const AWKWARD: &str = r#"we"ird\name é"#;

fn plugin(route_on: &str) -> Value {
    let long = "x".repeat(500);
    json!({"routeOn": route_on, "modelRewrites": [
        {"model": "review", "targets": [{"model": "food-review-1"}]},
        {"model": "gone", "targets": [{"model": "unheard-of"}]},
        {"model": "awkward", "targets": [{"model": AWKWARD}]},
        {"model": "long", "targets": [{"model": long}]},
        {"model": "same", "targets": [{"model": "same"}]},
        {"model": "chatbot", "targets": [{"model": "english-bot"}]},
        {"model": "split", "targets": [
            {"model": "ski-resorts", "weight": 3},
            {"model": "movie-critique", "weight": 1},
        ]},
        {"model": "canary", "targets": [
            {"model": "ski-resorts", "weight": 0},
            {"model": "movie-critique", "weight": 1},
        ]},
        {"model": "coin", "splitBy": "random", "targets": [
            {"model": "ski-resorts"},
            {"model": "movie-critique"},
        ]},
    ]})
}

fn setup(route_on: &str) -> Setup {
    let setup = Setup::bbr().echo(plugin(route_on)).rest(Rest::Simulator);
    // Otherwise Envoy gives each request an id of its own.
    setup.connection_manager(|manager| manager["preserve_external_request_id"] = true.into())
}

static COMPLETE: Shared = Shared::new(|| setup("complete").trailers());
static FIRST_MODEL: Shared = Shared::new(|| setup("firstModel").trailers());

const LLAMA: (&str, Option<&str>) =
    ("vllm-llama3-8b-instruct", Some("meta-llama/Llama-3.1-8B-Instruct"));

/// Bodies that ask for `review`, cut before and after the value of `model`.
const BODIES: [(&str, &str, &str); 7] = [
    (r#"{"model":"#, r#""review""#, r#"}"#),
    (r#"{"model":"#, r#""review""#, r#","prompt":"review","n":1.0}"#),
    (" {\r\n\t\"a\" : {\"model\": \"review\"} , \"model\" :\t", r#""review""#, "\n ,\"b\":1e2 }\n"),
    (r#"{"prompt":"\ud83d\ude00 é \u00e9","mod\u0065l":"#, r#""review""#, r#" }"#),
    (r#"{"model":"#, r#""\u0072evi\u0065w""#, r#", "x": "model"}"#),
    (r#"{"a":[1,[2,{"b":"\\\""}]],"model":"#, r#""review""#, r#",  "z":null}  "#),
    (r#"{"":"","model": "#, r#""review""#, r#", "big": 123456789012345678901234567890}"#),
];

async fn send_in_every_form(gateway: &Gateway, path: &str, body: &str, expected: &str) {
    for version in Version::BOTH {
        println!("{version:?} {body}");
        let whole = Call::json(path, body.to_owned());
        let bytes = body.bytes().map(|byte| vec![byte]);
        let bytewise = Call::json(path, "").pieces(bytes, &[]);
        let trailers = [("x-sum", "abc")];
        let with_trailers = Call::json(path, "").pieces([body.to_owned()], &trailers);
        for (form, call) in [("whole", whole), ("bytes", bytewise), ("trailers", with_trailers)] {
            let answer = gateway.send_over(version, call).await;
            answer.expect_route(LLAMA.0, Some("food-review-1"), LLAMA.1);
            answer.expect_body(expected);
            let length = answer.echoed("content-length");
            match form {
                "whole" => assert_eq!(length, [expected.len().to_string()], "{version:?}"),
                _ => assert_eq!(length, [""; 0], "{version:?} {form}"),
            }
            if form == "trailers" {
                assert_eq!(answer.echoed_trailer("x-sum"), ["abc"], "{version:?}");
            }
        }
    }
}

#[test]
fn only_the_model_s_value_changes() {
    for shared in [&COMPLETE, &FIRST_MODEL] {
        shared.run(async |gateway| {
            for (before, model, after) in BODIES {
                let body = format!("{before}{model}{after}");
                let expected = format!("{before}\"food-review-1\"{after}");
                send_in_every_form(gateway, "/sim/echo", &body, &expected).await;
            }
        });
    }
}

#[test]
fn in_large_bodies_too() {
    for shared in [&COMPLETE, &FIRST_MODEL] {
        shared.run(async |gateway| {
            let prompt = r#"a \"quoted\" é\n"#.repeat(200_000);
            for (before, after) in [
                (r#"{"model": "#.to_owned(), format!(r#", "prompt": "{prompt}"}}"#)),
                (format!(r#"{{"prompt": "{prompt}", "model": "#), "}".to_owned()),
            ] {
                let body = format!("{before}\"review\"{after}");
                let expected = format!("{before}\"food-review-1\"{after}");
                for version in Version::BOTH {
                    let pieces = body.as_bytes().chunks(50_000).map(<[u8]>::to_vec);
                    for call in [
                        Call::json("/sim/echo", body.clone()),
                        Call::json("/sim/echo", "").pieces(pieces, &[]),
                    ] {
                        let answer = gateway.send_over(version, call).await;
                        answer.expect_route(LLAMA.0, Some("food-review-1"), LLAMA.1);
                        answer.expect_body(&expected);
                    }
                }
            }
        });
    }
}

#[test]
fn to_shorter_longer_and_awkward_names() {
    for shared in [&COMPLETE, &FIRST_MODEL] {
        shared.run(async |gateway| {
            let long = "x".repeat(500);
            for (asked, target, spelt) in [
                ("awkward", AWKWARD, r#""we\"ird\\name é""#.to_owned()),
                ("long", &long, format!("\"{long}\"")),
                ("gone", "unheard-of", "\"unheard-of\"".to_owned()),
            ] {
                let body = format!(r#"{{"model": "{asked}", "prompt": "x"}}"#);
                let expected = format!(r#"{{"model": {spelt}, "prompt": "x"}}"#);
                let answer = gateway.send(Call::json("/sim/echo", body)).await;
                answer.expect_body(expected);
                assert_eq!(answer.pool(), Some("everything-else"));
                let header = answer.headers.get("x-sim-model-header").unwrap();
                assert_eq!(header.as_bytes(), target.as_bytes());
                assert_eq!(answer.base(), None);
            }
        });
    }
}

#[test]
fn a_name_that_stands_for_itself_changes_nothing() {
    COMPLETE.run(async |gateway| {
        let body = r#"{"model": "s\u0061me"}"#;
        let answer = gateway.send(Call::json("/sim/echo", body)).await;
        answer.expect_route("everything-else", Some("same"), None).expect_body(body);
    });
}

#[test]
fn a_known_model_may_be_rewritten() {
    COMPLETE.run(async |gateway| {
        let answer = gateway.send(Call::json("/sim/echo", r#"{"model": "chatbot"}"#)).await;
        let base = Some("google/gemma-3-4b-it");
        answer.expect_route("gemma3", Some("english-bot"), base);
        answer.expect_body(r#"{"model": "english-bot"}"#);
    });
}

#[test]
fn other_models_are_left_alone() {
    COMPLETE.run(async |gateway| {
        let body = r#"{"model": "food-review-1", "x": "review"}"#;
        let answer = gateway.send(Call::json("/sim/echo", body)).await;
        answer.expect_route(LLAMA.0, Some("food-review-1"), LLAMA.1).expect_body(body);
    });
}

#[test]
fn a_rewritten_model_is_what_the_model_server_runs() {
    COMPLETE.run(async |gateway| {
        let body = r#"{"model": "review", "prompt": "x"}"#;
        let answer = gateway.send(Call::json("/v1/completions", body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["model"], "food-review-1");
    });
}

#[test]
fn forms_are_rewritten_too() {
    let form = |model: &str, first: bool| {
        let model =
            format!("--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n");
        let file = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\
                    content-type: audio/wav\r\n\r\n\0\u{1}review\r\n-- b\r\n\r\n";
        match first {
            true => format!("{model}{file}--b--\r\n"),
            false => format!("{file}{model}--b--\r\n"),
        }
    };
    for shared in [&COMPLETE, &FIRST_MODEL] {
        shared.run(async |gateway| {
            for first in [true, false] {
                let (body, expected) = (form("review", first), form("food-review-1", first));
                for version in Version::BOTH {
                    let post = || {
                        let kind = "multipart/form-data; boundary=b";
                        Call::post("/sim/echo").header("content-type", kind)
                    };
                    let bytes = body.bytes().map(|byte| vec![byte]);
                    for call in [post().body(body.clone()), post().pieces(bytes, &[])] {
                        let answer = gateway.send_over(version, call).await;
                        answer.expect_route(LLAMA.0, Some("food-review-1"), LLAMA.1);
                        answer.expect_body(&expected);
                    }
                }
            }
        });
    }
}

#[test]
fn a_wrong_body_is_refused_not_rewritten() {
    COMPLETE.run(async |gateway| {
        for (body, code, param) in [
            (r#"{"model": "review""#, "invalid_json", None),
            (r#"{"model": "review", "model": "review"}"#, "duplicate_parameter", Some("model")),
        ] {
            let path = unique("/sim/echo");
            gateway.send(Call::json(&path, body)).await.expect_error(400, code, param);
            gateway.expect_unseen(&path);
        }
    });
}

/// How often each model was chosen for `asked`, with these request ids.
async fn shares(gateway: &Gateway, asked: &str, ids: &[String]) -> BTreeMap<String, usize> {
    let mut client = gateway.connect(Version::H1).await;
    let mut shares = BTreeMap::new();
    for id in ids {
        let body = json!({"model": asked}).to_string();
        let call = Call::json("/sim/echo", body).header("x-request-id", id);
        let answer = client.send(call).await;
        let model = answer.model().unwrap().to_owned();
        answer.expect_body(json!({"model": model}).to_string());
        let base = Some("deepseek/vllm-deepseek-r1");
        answer.expect_route("vllm-deepseek-r1", Some(&model), base);
        *shares.entry(model).or_default() += 1;
    }
    shares
}

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("request-{n:04}")).collect()
}

#[test]
fn weights_are_shares() {
    COMPLETE.run(async |gateway| {
        let shares = shares(gateway, "split", &ids(800)).await;
        // 600 expected; the ids are always the same ones, so the count is too.
        assert!((550..=650).contains(&shares["ski-resorts"]), "{shares:?}");
        assert_eq!(shares.len(), 2, "{shares:?}");
    });
}

#[test]
fn a_weight_of_0_is_never_chosen() {
    COMPLETE.run(async |gateway| {
        let shares = shares(gateway, "canary", &ids(50)).await;
        assert_eq!(shares, BTreeMap::from([("movie-critique".to_owned(), 50)]));
    });
}

#[test]
fn a_repeated_request_gets_the_same_model() {
    COMPLETE.run(async |gateway| {
        let ids = ids(40);
        let mut first = Vec::new();
        for id in &ids {
            first.push(shares(gateway, "split", std::slice::from_ref(id)).await);
        }
        for (id, first) in ids.iter().zip(&first) {
            let again = shares(gateway, "split", std::slice::from_ref(id)).await;
            assert_eq!(&again, first, "{id}");
        }
        assert!(first.iter().any(|shares| shares != &first[0]), "both models occur");
    });
}

#[test]
fn chance_chooses_every_target_whatever_the_request_id() {
    COMPLETE.run(async |gateway| {
        let same = vec!["always-the-same".to_owned(); 200];
        let shares = shares(gateway, "coin", &same).await;
        assert_eq!(shares.len(), 2, "{shares:?}");
        // Ten standard deviations around the half.
        assert!(shares.values().all(|count| (30..=170).contains(count)), "{shares:?}");
    });
}
