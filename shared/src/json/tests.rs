use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn scan(body: impl AsRef<[u8]>) -> Result<Document, ScanError> {
    let mut scanner = Scanner::new(64);
    scanner.feed(body.as_ref())?;
    scanner.finish()
}

fn model(body: &str) -> Option<ModelValue> {
    scan(body).unwrap_or_else(|error| panic!("{body}: {error}")).model
}

fn name(body: &str) -> String {
    match model(body) {
        Some(ModelValue::Name { name, .. }) => name,
        other => panic!("{body}: {other:?}"),
    }
}

fn failure(body: impl AsRef<[u8]>) -> (ScanErrorKind, u64) {
    let error = scan(body).expect_err("must be refused");
    (error.kind, error.at)
}

#[test]
fn finds_the_model_wherever_it_stands() {
    assert_eq!(name(r#"{"model":"a"}"#), "a");
    assert_eq!(name(r#"{"messages":[{"role":"user","content":"hi"}],"model" : "b" , "n":1}"#), "b");
    assert_eq!(name("\n{\t\"x\":{\"model\":\"inner\"},\r\n\"model\":\"outer\"} "), "outer");
}

#[test]
fn a_model_inside_a_prompt_or_a_nested_object_is_not_the_model() {
    assert_eq!(model(r#"{"prompt":"{\"model\":\"fake\"}"}"#), None);
    assert_eq!(model(r#"{"a":{"model":"x"},"b":[{"model":"y"}]}"#), None);
    assert_eq!(model(r#"[{"model":"x"}]"#), None);
    assert_eq!(model(r#"{"Model":"x","model ":"y","mode":"z","models":"w"}"#), None);
    assert_eq!(model(r#""model""#), None);
}

#[test]
fn escapes_in_key_and_value_are_decoded() {
    assert_eq!(name(r#"{"\u006do\u0064el":"m\u00e9\ud83d\ude00\n\/\\"}"#), "mé😀\n/\\");
}

#[test]
fn the_span_covers_the_value_with_its_quotes() {
    let body = r#"{"x":1, "model": "m\u0041" }"#;
    let Some(ModelValue::Name { span, .. }) = model(body) else { panic!("no model") };
    assert_eq!(&body[span.start as usize..span.end as usize], r#""m\u0041""#);
}

#[test]
fn a_model_that_is_not_a_string_is_told_by_kind() {
    for (value, kind) in [
        ("null", ValueKind::Null),
        ("true", ValueKind::Bool),
        ("-1.5e3", ValueKind::Number),
        ("[\"m\"]", ValueKind::Array),
        ("{\"model\":\"m\"}", ValueKind::Object),
    ] {
        assert_eq!(model(&format!("{{\"model\":{value}}}")), Some(ModelValue::Other(kind)));
    }
}

#[test]
fn a_second_model_is_reported_with_its_place_and_the_first_is_kept() {
    let body = r#"{"model":"a","model":"b","mod\u0065l":3}"#;
    let document = scan(body).expect("well-formed");
    assert!(matches!(document.model, Some(ModelValue::Name { ref name, .. }) if name == "a"));
    assert_eq!(document.duplicate_at, Some(21));
}

#[test]
fn the_model_is_known_before_the_body_ends() {
    let mut scanner = Scanner::new(64);
    scanner.feed(br#"{"model":"a"#).expect("so far");
    assert_eq!(scanner.model(), None);
    scanner.feed(br#"b""#).expect("so far");
    assert!(matches!(scanner.model(), Some(ModelValue::Name { name, .. }) if name == "ab"));
    assert_eq!(scanner.consumed(), 13);
}

#[test]
fn what_is_not_json_is_refused_with_reason_and_position() {
    use Expected::*;
    use ScanErrorKind::*;
    for (body, kind, at) in [
        ("", Truncated(Value), 0),
        ("  ", Truncated(Value), 2),
        ("{", Truncated(KeyOrEnd), 1),
        (r#"{"a""#, Truncated(Colon), 4),
        (r#"{"a":"#, Truncated(Value), 5),
        (r#"{"a":1"#, Truncated(CommaOrBrace), 6),
        (r#"{"a":"b"#, Truncated(StringEnd), 7),
        ("[1", Truncated(CommaOrBracket), 2),
        ("-", Truncated(Digit), 1),
        ("tru", Truncated(Literal), 3),
        ("{}x", TrailingData, 2),
        ("{}{}", TrailingData, 2),
        (r#"{"a":1,}"#, Unexpected(Key), 7),
        ("[1,]", Unexpected(Value), 3),
        ("{a:1}", Unexpected(KeyOrEnd), 1),
        (r#"{"a" 1}"#, Unexpected(Colon), 5),
        ("[1}", Unexpected(CommaOrBracket), 2),
        (r#"{"a":1]"#, Unexpected(CommaOrBrace), 6),
        ("nul!", Unexpected(Literal), 3),
        ("NaN", Unexpected(Value), 0),
        ("-Infinity", Unexpected(Digit), 1),
        ("1.e1", Unexpected(Digit), 2),
        ("01", TrailingData, 1),
        ("[01]", Unexpected(CommaOrBracket), 2),
        ("{'a':1}", Unexpected(KeyOrEnd), 1),
        ("// x", Unexpected(Value), 0),
        (r#"{"a\q":1}"#, BadEscape, 4),
        (r#"{"a\u00g0":1}"#, BadEscape, 7),
        (r#"{"x":"a\q"}"#, BadEscape, 8),
        (r#"{"x":"a\u00g0"}"#, BadEscape, 11),
        (r#"{"model":"\ud800"}"#, LoneSurrogate, 16),
        (r#"{"model":"\ud800\n"}"#, LoneSurrogate, 17),
        (r#"{"model":"\ud800\ud800"}"#, LoneSurrogate, 21),
        (r#"{"mod\udc00el":1}"#, LoneSurrogate, 10),
        ("{\"mod\nel\":1}", ControlCharacter, 5),
        ("{\"model\":\"a\nb\"}", ControlCharacter, 11),
    ] {
        assert_eq!(failure(body), (kind, at), "{body}");
    }
}

#[test]
fn byte_order_marks_and_wide_encodings_are_named() {
    use ScanErrorKind::*;
    assert_eq!(failure(b"\xef\xbb\xbf{}"), (ByteOrderMark, 0));
    assert_eq!(failure(b"\xff\xfe{\0}\0"), (WideEncoding, 0));
    assert_eq!(failure(b"\xfe\xff\0{\0}"), (WideEncoding, 0));
    assert_eq!(failure(b"{\0\"\0m\0"), (WideEncoding, 1));
    assert_eq!(failure(b"\0{\0\""), (WideEncoding, 0));
}

#[test]
fn broken_utf8_is_refused_in_top_level_keys_and_in_the_model() {
    assert_eq!(failure(b"{\"mod\xffel\":1}"), (ScanErrorKind::InvalidUtf8, 5));
    assert_eq!(failure(b"{\"model\":\"\xc3\"}"), (ScanErrorKind::InvalidUtf8, 11));
    // Overlong, surrogate, beyond U+10FFFF.
    for bad in [
        &b"\xc0\xaf"[..],
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xf0\x80\x80\x80",
        b"\xf4\x90\x80\x80",
    ] {
        let body = [b"{\"model\":\"", bad, b"\"}"].concat();
        assert_eq!(failure(body).0, ScanErrorKind::InvalidUtf8, "{bad:x?}");
    }
}

/// The list in the module's documentation: accepted although `serde_json` refuses.
#[test]
fn the_listed_leniencies_pass_and_leave_the_model_alone() {
    let long_nesting = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    for rest in [
        &br#""x":"\ud800""#[..],
        br#""x":"\udc00\ud800 and on""#,
        b"\"x\":\"raw \x01 control\"",
        b"\"x\":\"raw \n newline\"",
        b"\"x\":\"\xff\xfe\"",
        b"\"x\":{\"\xff\":1}",
        br#""x":1e999"#,
        [b"\"x\":", long_nesting.as_bytes()].concat().as_slice(),
    ] {
        let body = [b"{", rest, br#","model":"m"}"#].concat();
        assert!(serde_json::from_slice::<serde_json::Value>(&body).is_err(), "{rest:?}");
        let document = scan(&body).unwrap_or_else(|error| panic!("{rest:?}: {error}"));
        assert!(matches!(document.model, Some(ModelValue::Name { ref name, .. }) if name == "m"));
    }
}

#[test]
fn nesting_is_followed_to_its_limit_and_refused_beyond() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(scan(nested(MAX_DEPTH)).is_ok());
    assert_eq!(failure(nested(MAX_DEPTH + 1)), (ScanErrorKind::TooDeep, MAX_DEPTH as u64));
}

#[test]
fn a_model_name_is_kept_up_to_the_limit_only() {
    let fits = "x".repeat(64);
    assert_eq!(name(&format!("{{\"model\":\"{fits}\"}}")), fits);
    assert_eq!(
        failure(format!("{{\"model\":\"{fits}y\"}}")),
        (ScanErrorKind::ModelTooLong { limit: 64 }, 74)
    );
}

#[test]
fn a_failed_scanner_keeps_its_first_error() {
    let mut scanner = Scanner::new(64);
    let first = scanner.feed(b"{x").expect_err("not JSON");
    assert_eq!(scanner.feed(b"\"model\":\"m\"}"), Err(first));
    assert_eq!(scanner.finish(), Err(first));
}
