//! The table of the body-based router's behaviour: one row for each of its lines.
//!
//! The lines are those of the project's comparison with the reference implementation
//! (docs); a row's name is the line's input.

use crate::ECHO;
use envoy_runner::{ValidateError, validate};
use futures_util::FutureExt;
use gateway_tests::{Call, Gateway, Rest, Setup, Shared, binary, guides_plugin, sha256, unique};
use serde_json::json;
use std::panic::AssertUnwindSafe;

static STRICT: Shared = Shared::new(|| {
    let strict = json!({"onUnknownModel": "reject", "onMissingModel": "reject"});
    Setup::bbr().plugin(strict).rest(Rest::Simulator)
});

const LLAMA: &str = "meta-llama/Llama-3.1-8B-Instruct";
const LLAMA_POOL: &str = "vllm-llama3-8b-instruct";
const REST: &str = "everything-else";
const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xabV\xcaM";

/// What a row expects.
#[derive(Clone, Copy)]
enum Expect {
    /// Reaches this pool with these headers and every byte of its body.
    Route(&'static str, Option<&'static str>, Option<&'static str>),
    /// Is answered with this status, code and parameter, and reaches nobody.
    Error(u16, &'static str, Option<&'static str>),
}

use Expect::{Error, Route};

/// A line of the table: input, content type, body, outcome.
type Row = (&'static str, &'static str, &'static [u8], Expect);

const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data; boundary=b0";
const NOT_JSON: Expect = Error(400, "invalid_json", None);
const NOT_A_STRING: Expect = Error(400, "invalid_type", Some("model"));
const TWICE: Expect = Error(400, "duplicate_parameter", Some("model"));

const ROWS: [Row; 23] = [
    (
        "adapter",
        JSON,
        br#"{"model":"food-review-1","prompt":"x"}"#,
        Route(LLAMA_POOL, Some("food-review-1"), Some(LLAMA)),
    ),
    (
        "base model",
        JSON,
        br#"{"model":"meta-llama/Llama-3.1-8B-Instruct","prompt":"x"}"#,
        Route(LLAMA_POOL, Some(LLAMA), Some(LLAMA)),
    ),
    (
        "unknown model",
        JSON,
        br#"{"model":"unheard-of","prompt":"x"}"#,
        Route(REST, Some("unheard-of"), None),
    ),
    ("model missing", JSON, br#"{"prompt":"x"}"#, Route(REST, None, None)),
    ("model missing: an empty object", JSON, b"{}", Route(REST, None, None)),
    (
        "model missing: only a nested one",
        JSON,
        br#"{"a":{"model":"chatbot"},"b":[{"model":1}]}"#,
        Route(REST, None, None),
    ),
    ("model not a string: number", JSON, br#"{"model":7}"#, NOT_A_STRING),
    ("model not a string: null", JSON, br#"{"model":null}"#, NOT_A_STRING),
    ("model not a string: boolean", JSON, br#"{"model":true}"#, NOT_A_STRING),
    ("model not a string: list", JSON, br#"{"model":["chatbot"]}"#, NOT_A_STRING),
    ("model not a string: object", JSON, br#"{"model":{"model":"chatbot"}}"#, NOT_A_STRING),
    ("body not JSON", JSON, b"model=chatbot", NOT_JSON),
    ("body truncated", JSON, br#"{"model":"chatbot","prompt":"x"#, NOT_JSON),
    ("body with trailing garbage", JSON, br#"{"model":"chatbot"}x"#, NOT_JSON),
    ("body with a second document", JSON, br#"{"model":"chatbot"}{}"#, NOT_JSON),
    (
        "body not an object: list",
        JSON,
        br#"[{"model":"chatbot"}]"#,
        Error(400, "invalid_body", None),
    ),
    ("body not an object: string", JSON, br#""chatbot""#, Error(400, "invalid_body", None)),
    ("duplicate model keys", JSON, br#"{"model":"chatbot","model":"food-review-1"}"#, TWICE),
    (
        "duplicate model keys, one escaped",
        JSON,
        br#"{"model":"chatbot","x":1,"mod\u0065l":"chatbot"}"#,
        TWICE,
    ),
    (
        "multipart (audio)",
        FORM,
        b"--b0\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nenglish-bot\r\n--b0--\r\n",
        Route("gemma3", Some("english-bot"), Some("google/gemma-3-4b-it")),
    ),
    (
        "multipart, duplicate model",
        FORM,
        b"--b0\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nchatbot\r\n--b0\r\n\
          content-disposition: form-data; name=\"model\"\r\n\r\nchatbot\r\n--b0--\r\n",
        TWICE,
    ),
    ("body with a byte order mark", JSON, b"\xef\xbb\xbf{\"model\":\"chatbot\"}", NOT_JSON),
    ("body in UTF-16", JSON, b"{\0\"\0m\0o\0d\0e\0l\0\"\0:\0\"\0c\0\"\0}\0", NOT_JSON),
];

async fn check(gateway: &Gateway, call: impl Fn(&str) -> Call, body: &[u8], expect: Expect) {
    let path = unique("/v1/completions");
    let answer = gateway.send(call(&path)).await;
    match expect {
        Route(pool, model, base) => {
            answer.expect_route(pool, model, base).expect_body(body);
        }
        Error(status, code, param) => {
            answer.expect_error(status, code, param);
            gateway.expect_unseen(&path);
        }
    }
}

/// Runs every row, and then fails with the names of all that were not met.
async fn run_rows(gateway: &Gateway, rows: &[Row]) {
    let mut failed = Vec::new();
    for &(input, content_type, body, expect) in rows {
        let call = |path: &str| Call::post(path).header("content-type", content_type).body(body);
        let row = AssertUnwindSafe(check(gateway, call, body, expect));
        if row.catch_unwind().await.is_err() {
            failed.push(input);
        }
    }
    assert!(failed.is_empty(), "rows not met: {failed:?}");
}

#[test]
fn the_table_of_bodies() {
    ECHO.run(async |gateway| run_rows(gateway, &ROWS).await);
}

#[test]
fn the_reject_options() {
    let rows: [Row; 4] = [
        (
            "unknown model",
            JSON,
            br#"{"model":"unheard-of"}"#,
            Error(404, "model_not_found", Some("model")),
        ),
        (
            "model missing",
            JSON,
            br#"{"prompt":"x"}"#,
            Error(400, "missing_required_parameter", Some("model")),
        ),
        (
            "model missing in a form",
            FORM,
            b"--b0\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\nb\r\n--b0--\r\n",
            Error(400, "missing_required_parameter", Some("model")),
        ),
        (
            "adapter",
            JSON,
            br#"{"model":"food-review-1"}"#,
            Route(LLAMA_POOL, Some("food-review-1"), Some(LLAMA)),
        ),
    ];
    STRICT.run(async |gateway| run_rows(gateway, &rows).await);
}

#[test]
fn an_empty_body_is_refused() {
    ECHO.run(async |gateway| {
        let empty: [&str; 0] = [];
        let call = |path: &str| {
            let call = Call::post(path).header("content-type", JSON);
            call.pieces(empty, &[])
        };
        check(gateway, call, b"", Error(400, "empty_body", None)).await;
    });
}

#[test]
fn client_headers_are_removed_on_every_request() {
    ECHO.run(async |gateway| {
        let spoof = |call: Call| {
            call.header("x-gateway-model-name", "chatbot")
                .header("x-gateway-base-model-name", "chatbot")
        };
        for call in [Call::get("/sim/echo"), Call::json("/sim/echo", r#"{"prompt":"x"}"#)] {
            gateway.send(spoof(call)).await.expect_route(REST, None, None);
        }
    });
}

#[test]
fn a_header_only_request_passes() {
    ECHO.run(async |gateway| {
        for method in ["GET", "POST", "DELETE", "OPTIONS"] {
            let answer = gateway.send(Call::new(method, "/sim/echo")).await;
            answer.expect_route(REST, None, None);
            assert_eq!(answer.json()["method"], method);
        }
    });
}

#[test]
fn a_gzip_body_is_refused_with_advice() {
    ECHO.run(async |gateway| {
        let path = unique("/v1/completions");
        let call = Call::json(&path, GZIP).header("content-encoding", "gzip");
        let answer = gateway.send(call).await;
        answer.expect_error(415, "unsupported_content_encoding", None);
        let message = answer.json()["error"]["message"].to_string();
        assert!(message.contains("content-encoding"), "{message}");
        gateway.expect_unseen(&path);
    });
}

#[test]
fn an_adapter_in_two_mappings_is_a_configuration_error() {
    let mut plugin = guides_plugin();
    plugin["baseModels"][1]["adapters"] = json!(["ski-resorts", "food-review-1"]);
    let setup = Setup::bbr().plugin(json!({"baseModels": plugin["baseModels"]}));
    match validate(&binary(), &setup.into_bootstrap()) {
        Err(ValidateError::Refused { log }) => {
            assert!(log.contains("baseModels[1].adapters[1]"), "{log}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_body_above_the_limit_is_refused_with_an_error_object() {
    ECHO.run(async |gateway| {
        let path = unique("/v1/completions");
        let large = vec![b' '; (16 << 20) + 1];
        let answer = gateway.send(Call::json(&path, large)).await;
        answer.expect_error(413, "request_too_large", None);
        gateway.expect_unseen(&path);
    });
}

#[test]
fn a_response_stream_is_never_touched() {
    ECHO.run(async |gateway| {
        let body = json!({"model": "food-review-1", "prompt": "x", "stream": true,
            "max_tokens": 5, "stream_options": {"include_usage": true}});
        let answer = gateway.send(Call::json("/v1/completions", body.to_string())).await;
        assert_eq!(answer.status, 200);
        let kind = answer.header("content-type").unwrap_or_default();
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
        assert!(text.contains("\"usage\":{"), "{text}");
    });
}

#[test]
fn the_hash_of_the_empty_text_is_the_known_one() {
    // What all byte-exact rows lean on.
    let known = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(sha256(""), known);
}
