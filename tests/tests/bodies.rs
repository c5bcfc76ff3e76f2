//! Which bodies are read, and as what.

use crate::ECHO;
use gateway_tests::{Call, Rest, Setup, Shared, Version, unique};
use serde_json::json;

static DEFAULT_PATHS: Shared = Shared::new(|| Setup::bbr().rest(Rest::Simulator));

const REST: &str = "everything-else";
const CHATBOT: &str = r#"{"model": "chatbot"}"#;

#[test]
fn content_types_that_mean_json() {
    ECHO.run(async |gateway| {
        for kind in [
            "application/json",
            "application/json; charset=utf-8",
            "Application/JSON;charset=\"UTF-8\"",
            "application/vnd.api+json",
            "application/merge-patch+json",
            "application/ld+json; profile=\"x\"",
            " application/json ",
            "application/json;",
            "application/json ; charset=utf-8",
        ] {
            let call = Call::post("/sim/echo").header("content-type", kind).body(CHATBOT);
            println!("{kind}");
            let answer = gateway.send(call).await;
            answer.expect_route("gemma3", Some("chatbot"), Some("chatbot"));
            // Such a type promises JSON, so anything else is wrong.
            let path = unique("/sim/echo");
            let call = Call::post(&path).header("content-type", kind).body("model=chatbot");
            gateway.send(call).await.expect_error(400, "invalid_json", None);
            gateway.expect_unseen(&path);
        }
    });
}

#[test]
fn without_a_type_or_with_curl_s_a_brace_means_json() {
    ECHO.run(async |gateway| {
        for version in Version::BOTH {
            let form = "application/x-www-form-urlencoded";
            let typed = |call: Call, kind: Option<&str>| match kind {
                Some(kind) => call.header("content-type", kind),
                None => call,
            };
            for kind in [
                None,
                Some(""),
                Some(form),
                Some("application/x-www-form-urlencoded; charset=utf-8"),
            ] {
                println!("{version:?} {kind:?}");
                for body in [CHATBOT, " \r\n\t{\"model\": \"chatbot\"}"] {
                    let call = typed(Call::post("/sim/echo"), kind).body(body);
                    let answer = gateway.send_over(version, call).await;
                    answer
                        .expect_route("gemma3", Some("chatbot"), Some("chatbot"))
                        .expect_body(body);
                }
                let bytes = b"\n \n{\"model\": \"chatbot\"}".map(|byte| vec![byte]);
                let call = typed(Call::post("/sim/echo"), kind).pieces(bytes, &[]);
                let answer = gateway.send_over(version, call).await;
                answer.expect_route("gemma3", Some("chatbot"), Some("chatbot"));

                for body in ["model=chatbot&x={}", "[1]", " \n", "\"{\"", "\u{feff}{}", "\x0b{}"] {
                    let call = typed(Call::post("/sim/echo"), kind).body(body);
                    let answer = gateway.send_over(version, call).await;
                    answer.expect_route(REST, None, None).expect_body(body);
                    let pieces = body.bytes().map(|byte| vec![byte]);
                    let call = typed(Call::post("/sim/echo"), kind).pieces(pieces, &[]);
                    let answer = gateway.send_over(version, call).await;
                    answer.expect_route(REST, None, None).expect_body(body);
                }
                let path = unique("/sim/echo");
                let call = typed(Call::post(&path), kind).body("{\"model\": \"chatbot\"");
                gateway.send_over(version, call).await.expect_error(400, "invalid_json", None);
                gateway.expect_unseen(&path);
            }
        }
    });
}

#[test]
fn other_content_types_pass_untouched() {
    ECHO.run(async |gateway| {
        for version in Version::BOTH {
            for kind in [
                "text/plain",
                "application/octet-stream",
                "application/jsonl",
                "application/json5",
                "application/json-seq",
                "text/json-ish",
                "image/png",
                "multipart/mixed; boundary=b",
                "application/grpc",
                "nonsense",
            ] {
                println!("{version:?} {kind}");
                for body in [CHATBOT, "{", "\0\u{1}"] {
                    let call = Call::post("/sim/echo").header("content-type", kind).body(body);
                    let answer = gateway.send_over(version, call).await;
                    answer.expect_route(REST, None, None).expect_body(body);
                    assert_eq!(answer.echoed("content-type"), [kind]);
                    assert_eq!(answer.echoed("content-length"), [body.len().to_string()]);
                }
            }
        }
    });
}

#[test]
fn the_default_paths_are_read_and_no_others() {
    DEFAULT_PATHS.run(async |gateway| {
        for path in [
            "/v1/chat/completions",
            "/v1/completions?x=/elsewhere",
            "/v1/embeddings",
            "/v1/responses",
            "/v1/messages",
            "/v1/rerank",
            "/v1/anything/new",
            "/v2/rerank",
            "/rerank",
            "/score",
            "/classify",
            "/pooling",
            "/tokenize",
            "/detokenize",
            "/invocations",
            // Envoy tidies paths up before the filter sees them.
            "/x/../v1/completions",
            "//v1//completions",
        ] {
            let answer = gateway.send(Call::json(path, CHATBOT)).await;
            println!("{path}");
            answer.expect_route("gemma3", Some("chatbot"), Some("chatbot")).expect_body(CHATBOT);
        }
        for path in [
            "/",
            "/v1",
            "/v2/completions",
            "/scores",
            "/rerank/",
            "/x/v1/completions",
            "/metrics",
            "/sim/echo?/v1/",
            "/V1/completions",
        ] {
            for body in [CHATBOT, "{"] {
                let answer = gateway.send(Call::json(path, body)).await;
                println!("{path}");
                answer.expect_route(REST, None, None).expect_body(body);
            }
        }
    });
}

#[test]
fn compressed_bodies_are_refused_by_their_encoding() {
    ECHO.run(async |gateway| {
        for encoding in ["gzip", "GZIP", "br", "deflate", "zstd", "x-unheard-of", "gzip, identity"]
        {
            println!("{encoding}");
            let path = unique("/sim/echo");
            let call = Call::json(&path, CHATBOT).header("content-encoding", encoding);
            gateway.send(call).await.expect_error(415, "unsupported_content_encoding", None);
            let call = Call::json(&path, "").header("content-encoding", encoding);
            let call = call.pieces([&b"\x1f\x8b\x08"[..]], &[]);
            let answer = gateway.send_over(Version::H2, call).await;
            answer.expect_error(415, "unsupported_content_encoding", None);
            gateway.expect_unseen(&path);
        }
        for encoding in ["identity", "Identity", ""] {
            let call = Call::json("/sim/echo", CHATBOT).header("content-encoding", encoding);
            let answer = gateway.send(call).await;
            answer.expect_route("gemma3", Some("chatbot"), Some("chatbot"));
        }
        // Where bodies are not read, compression is none of the filter's business.
        let gzip = b"\x1f\x8b\x08\x00\x01".as_slice();
        for call in [
            Call::json("/sim/echo/elsewhere", gzip),
            Call::post("/sim/echo").header("content-type", "text/plain").body(gzip),
        ] {
            let answer = gateway.send(call.header("content-encoding", "gzip")).await;
            answer.expect_route(REST, None, None).expect_body(gzip);
            assert_eq!(answer.echoed("content-encoding"), ["gzip"]);
        }
    });
}

#[test]
fn model_names_that_no_header_can_carry_are_refused() {
    ECHO.run(async |gateway| {
        let long = "m".repeat(513);
        for name in [
            "",
            " ",
            "a\nb",
            "a\r\nx-evil: 1",
            "a\0b",
            "a\tb",
            "\u{7f}",
            "a\u{85}b",
            " chatbot",
            "chatbot ",
            &long,
        ] {
            println!("{name:?}");
            let path = unique("/sim/echo");
            let call = Call::json(&path, json!({"model": name}).to_string());
            gateway.send(call).await.expect_error(400, "invalid_value", Some("model"));
            gateway.expect_unseen(&path);
        }
    });
}

#[test]
fn model_names_arrive_as_json_spells_them() {
    ECHO.run(async |gateway| {
        for (spelt, name) in [
            (r#""\u0063hatbot""#, "chatbot"),
            (r#""a\/b\\c\"d""#, r#"a/b\c"d"#),
            (r#""a, b; c=d""#, "a, b; c=d"),
            (r#""x\u0020y""#, "x y"),
        ] {
            let body = format!(r#"{{"model": {spelt}}}"#);
            let answer = gateway.send(Call::json("/sim/echo", body.clone())).await;
            answer.expect_body(&body);
            assert_eq!(answer.model(), Some(name), "{spelt}");
        }
        for (spelt, name) in [(r#""\u00e9 \ud83d\ude00 模""#, "é 😀 模")] {
            let body = format!(r#"{{"model": {spelt}}}"#);
            for version in Version::BOTH {
                let call = Call::json("/sim/echo", body.clone());
                let answer = gateway.send_over(version, call).await;
                let header = answer.headers.get("x-sim-model-header").unwrap();
                assert_eq!(header.as_bytes(), name.as_bytes());
            }
        }
    });
}

#[test]
fn json_that_strict_readers_refuse_is_refused() {
    ECHO.run(async |gateway| {
        for body in [
            &b" "[..],
            b"{",
            b"}",
            b"{\"model\"}",
            b"{\"model\":}",
            b"{\"model\" \"chatbot\"}",
            b"{model: \"chatbot\"}",
            b"{'model': 'chatbot'}",
            b"{\"model\": \"chatbot\",}",
            b"{,\"model\": \"chatbot\"}",
            b"{\"model\": \"chatbot\"} // comment",
            b"{\"model\": \"chatbot\", \"n\": NaN}",
            b"{\"model\": \"chatbot\", \"n\": 01}",
            b"{\"model\": \"chatbot\", \"n\": +1}",
            b"{\"model\": \"chatbot\", \"n\": 1.}",
            b"{\"model\": \"chatbot\", \"n\": [1}",
            b"{\"model\": \"chatbot\", \"n\": tru}",
            b"{\"model\": \"chat\\xbot\"}",
            b"{\"mode\\u00gg\": 1, \"model\": \"chatbot\"}",
            b"{\"model\": \"chat\nbot\"}",
            b"{\"model\": \"chat\xffbot\"}",
            b"{\"model\": \"chatbot\"}\0",
            b"\xff\xfe{\0}\0",
            b"\0{\0}",
        ] {
            println!("{}", body.escape_ascii());
            let path = unique("/sim/echo");
            let answer = gateway.send(Call::json(&path, body)).await;
            answer.expect_error(400, "invalid_json", None);
            gateway.expect_unseen(&path);
            let pieces = body.iter().map(|byte| vec![*byte]);
            let call = Call::json(&path, "").pieces(pieces, &[]);
            let answer = gateway.send_over(Version::H2, call).await;
            answer.expect_error(400, "invalid_json", None);
            gateway.expect_unseen(&path);
        }
    });
}

#[test]
fn deep_nesting_ends_in_an_answer() {
    ECHO.run(async |gateway| {
        for depth in [100, 100_000, 5_000_000] {
            let open = "[".repeat(depth);
            let close = "]".repeat(depth);
            let body = format!(r#"{{"x": {open}{close}, "model": "chatbot"}}"#);
            let answer = gateway.send(Call::json("/sim/echo", body.clone())).await;
            if answer.status == 200 {
                answer.expect_route("gemma3", Some("chatbot"), Some("chatbot")).expect_body(&body);
            } else {
                answer.expect_error(400, "invalid_json", None);
                assert!(depth > 100);
            }
        }
    });
}
