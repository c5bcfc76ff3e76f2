//! `routeOn: "firstModel"`: released at the first top-level model, judged to the end.

use gateway_tests::Answer;
use gateway_tests::{
    Call, Client, Gateway, Rest, ScriptedUpstream, Setup, Shared, Version, run, unique,
};
use http_body_util::BodyExt;
use serde_json::json;
use simulator::Stage;

fn plugin() -> serde_json::Value {
    json!({"routeOn": "firstModel", "onMissingModel": "reject", "onUnknownModel": "reject",
        "maxBodyBytes": 100_000})
}

static GATEWAY: Shared = Shared::new(|| Setup::bbr().echo(plugin()).rest(Rest::Simulator));

const START: &str = r#"{"a": {"model": 1}, "model": "english-bot", "prompt": "It was a "#;
const BASE: Option<&str> = Some("google/gemma-3-4b-it");

/// Begins an upload of `START`; returns when a model server has all of it.
async fn begin(
    gateway: &Gateway,
    version: Version,
    path: &str,
) -> (
    tokio::task::JoinHandle<Result<Answer, hyper::Error>>,
    http_body_util::channel::Sender<bytes::Bytes, std::convert::Infallible>,
) {
    let (call, mut body) = Call::json(path, "").channel();
    let mut client: Client = gateway.connect(version).await;
    let answer = tokio::spawn(async move { client.try_send(call).await });
    body.send_data(START.into()).await.unwrap();
    let length = u64::try_from(START.len()).unwrap();
    let record = gateway.wait_for_bytes(path, length).await;
    assert_eq!(record.stage, Stage::Uploading, "{version:?}");
    assert_eq!(record.body_bytes, length, "{version:?}");
    assert_eq!(record.model_header.as_deref(), Some("english-bot"));
    assert_eq!(record.base_model_header.as_deref(), BASE);
    (answer, body)
}

#[test]
fn the_upload_reaches_the_model_server_while_the_client_holds_back_the_rest() {
    GATEWAY.run(async |gateway| {
        for version in Version::BOTH {
            let path = unique("/sim/echo");
            let (answer, mut body) = begin(gateway, version, &path).await;
            body.send_data("dark night".into()).await.unwrap();
            let so_far = u64::try_from(START.len() + 10).unwrap();
            let record = gateway.wait_for_bytes(&path, so_far).await;
            assert_eq!(record.stage, Stage::Uploading, "{version:?}");
            body.send_data("\"}".into()).await.unwrap();
            drop(body);
            let answer = answer.await.unwrap().unwrap();
            answer.expect_route("gemma3", Some("english-bot"), BASE);
            answer.expect_body(format!("{START}dark night\"}}"));
        }
    });
}

#[test]
fn a_wrong_rest_ends_the_request_on_both_sides() {
    GATEWAY.run(async |gateway| {
        for version in Version::BOTH {
            for (rest, code, param) in [
                (r#"", "model": "chatbot""#, "duplicate_parameter", Some("model")),
                (r#"", "model": 7"#, "duplicate_parameter", Some("model")),
                (r#"", "x": [1, }"#, "invalid_json", None),
                ("\"} trailing", "invalid_json", None),
            ] {
                println!("{version:?} {rest}");
                let path = unique("/sim/echo");
                let (answer, mut body) = begin(gateway, version, &path).await;
                // The upload goes on after what is wrong.
                body.send_data(rest.into()).await.unwrap();
                answer.await.unwrap().unwrap().expect_error(400, code, param);
                let record = gateway.wait_for(&path, Stage::Aborted).await;
                assert_eq!(record.body_sha256, None, "the body never was complete");
            }
        }
    });
}

#[test]
fn a_truncated_rest_ends_the_request_on_both_sides() {
    GATEWAY.run(async |gateway| {
        for version in Version::BOTH {
            let path = unique("/sim/echo");
            let (answer, body) = begin(gateway, version, &path).await;
            drop(body);
            answer.await.unwrap().unwrap().expect_error(400, "invalid_json", None);
            let record = gateway.wait_for(&path, Stage::Aborted).await;
            assert_eq!(record.body_sha256, None, "the body never was complete");
        }
    });
}

#[test]
fn a_rest_above_the_limit_ends_the_request_on_both_sides() {
    GATEWAY.run(async |gateway| {
        for version in Version::BOTH {
            let path = unique("/sim/echo");
            let (answer, mut body) = begin(gateway, version, &path).await;
            // A failure means that the answer is there already.
            let _ = body.send_data("x".repeat(100_000).into()).await;
            answer.await.unwrap().unwrap().expect_error(413, "request_too_large", None);
            gateway.wait_for(&path, Stage::Aborted).await;
        }
    });
}

#[test]
fn a_client_that_leaves_ends_the_upload() {
    GATEWAY.run(async |gateway| {
        for version in Version::BOTH {
            let path = unique("/sim/echo");
            let (answer, body) = begin(gateway, version, &path).await;
            answer.abort();
            gateway.wait_for(&path, Stage::Aborted).await;
            drop(body);
        }
    });
}

#[test]
fn a_wrong_rest_after_the_answer_began_cuts_the_answer() {
    run(async {
        let mut upstream = ScriptedUpstream::start().await;
        let plugin = json!({"routeOn": "firstModel"});
        let setup = Setup::bbr().plugin(plugin).rest(Rest::Address(upstream.address()));
        let gateway = Gateway::start(setup).await;
        for version in Version::BOTH {
            let (call, mut body) = Call::json("/v1/completions", "").channel();
            let mut client = gateway.connect(version).await;
            body.send_data(r#"{"model": "scripted","#.into()).await.unwrap();
            let (answer, mut script) = tokio::join!(client.start(call), upstream.next());
            script.send_data("data: 1\n\n".into()).await.unwrap();
            let mut answer = answer.unwrap().into_body();
            answer.frame().await.unwrap().unwrap();
            body.send_data(" oops".into()).await.unwrap();
            // The answer ends before the model server ended it. HTTP/2 has a reset without
            // an error for that, which hyper shows as an end; Envoy 1.36 uses it.
            let rest = answer.frame().await;
            let reset = version == Version::H2 && rest.is_none();
            assert!(reset || matches!(rest, Some(Err(_))), "{version:?}: {rest:?}");
            // And the model server is cut off as well.
            while script.send_data("data: 2\n\n".into()).await.is_ok() {}
        }
        gateway.check();
    });
}

#[test]
fn without_a_first_model_nothing_goes_upstream() {
    GATEWAY.run(async |gateway| {
        for version in Version::BOTH {
            for (body, status, code) in [
                (r#"{"prompt": "x"}"#, 400, "missing_required_parameter"),
                (r#"{"model": 1, "prompt": "x"}"#, 400, "invalid_type"),
                (r#"{"model": "unheard-of", "prompt": "x"}"#, 404, "model_not_found"),
                (r#"{"model": "a\nb", "prompt": "x"}"#, 400, "invalid_value"),
            ] {
                let path = unique("/sim/echo");
                let pieces = body.bytes().map(|byte| vec![byte]);
                let call = Call::json(&path, "").pieces(pieces, &[]);
                let answer = gateway.send_over(version, call).await;
                answer.expect_error(status, code, Some("model"));
                gateway.expect_unseen(&path);
            }
        }
    });
}

#[test]
fn whole_bodies_and_single_bytes_arrive_unchanged() {
    GATEWAY.run(async |gateway| {
        for model_at_the_end in [false, true] {
            let body = if model_at_the_end {
                r#"{"prompt": "a dark night", "model" : "english-bot"}"#.to_owned()
            } else {
                format!("{START}dark night\"}}")
            };
            for version in Version::BOTH {
                let bytes = body.bytes().map(|byte| vec![byte]);
                for call in [
                    Call::json("/sim/echo", body.clone()),
                    Call::json("/sim/echo", "").pieces(bytes, &[]),
                ] {
                    let answer = gateway.send_over(version, call).await;
                    answer.expect_route("gemma3", Some("english-bot"), BASE).expect_body(&body);
                }
            }
        }
    });
}

#[test]
fn a_form_is_released_at_its_model() {
    GATEWAY.run(async |gateway| {
        let start = "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nenglish-bot\r\n\
                     --b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nab";
        for version in Version::BOTH {
            let path = unique("/sim/echo");
            let kind = "multipart/form-data; boundary=b";
            let (call, mut body) = Call::post(&path).header("content-type", kind).channel();
            let mut client = gateway.connect(version).await;
            let answer = tokio::spawn(async move { client.send(call).await });
            body.send_data(start.into()).await.unwrap();
            let length = u64::try_from(start.len()).unwrap();
            let record = gateway.wait_for_bytes(&path, length).await;
            assert_eq!(record.stage, Stage::Uploading, "{version:?}");
            body.send_data("c\r\n--b--\r\n".into()).await.unwrap();
            drop(body);
            let answer = answer.await.unwrap();
            answer.expect_route("gemma3", Some("english-bot"), BASE);
            answer.expect_body(format!("{start}c\r\n--b--\r\n"));
        }
    });
}
