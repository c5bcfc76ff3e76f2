//! Property tests: the scanner against `serde_json`, on whole and cut bodies.

use std::fmt;

use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Document, ModelValue, Root, ScanError, Scanner, ValueKind};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const MAX_NAME: usize = 1 << 20;

fn scan_in(chunks: &[&[u8]]) -> Result<Document, ScanError> {
    let mut scanner = Scanner::new(MAX_NAME);
    for chunk in chunks {
        scanner.feed(chunk)?;
    }
    scanner.finish()
}

/// Scans the body whole, cut in two at every place, and byte by byte; all must say the same.
fn scan(body: &[u8]) -> Result<Document, ScanError> {
    let whole = scan_in(&[body]);
    for cut in 0..=body.len() {
        let (head, tail) = body.split_at(cut);
        assert_eq!(scan_in(&[head, tail]), whole, "cut at {cut}");
    }
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(scan_in(&bytes), whole, "byte by byte");
    whole
}

/// What `serde_json` reads from a body when all but keys and `model` is skipped.
#[derive(Debug, PartialEq)]
enum Oracle {
    Object { model: Option<ModelValue>, duplicate: bool },
    Other,
}

fn oracle(body: &[u8]) -> serde_json::Result<Oracle> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return serde_json::from_slice::<IgnoredAny>(body).map(|_| Oracle::Other);
    }
    let Members(models) = serde_json::from_slice(body)?;
    let model = models.first().map(|raw| read_model(raw)).transpose()?;
    Ok(Oracle::Object { model, duplicate: models.len() > 1 })
}

/// The raw values of the top-level `model`s.
struct Members<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut models = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    if key != "model" {
                        map.next_value::<IgnoredAny>()?;
                    } else if models.is_empty() {
                        models.push(map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                        models.push(RawValue::NULL);
                    }
                }
                Ok(Members(models))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

fn read_model(raw: &RawValue) -> serde_json::Result<ModelValue> {
    Ok(match raw.get().as_bytes()[0] {
        b'"' => ModelValue::Name { name: serde_json::from_str(raw.get())?, span: 0..0 },
        b'n' => ModelValue::Other(ValueKind::Null),
        b't' | b'f' => ModelValue::Other(ValueKind::Bool),
        b'[' => ModelValue::Other(ValueKind::Array),
        b'{' => ModelValue::Other(ValueKind::Object),
        _ => ModelValue::Other(ValueKind::Number),
    })
}

fn without_span(model: Option<ModelValue>) -> Option<ModelValue> {
    model.map(|model| match model {
        ModelValue::Name { name, .. } => ModelValue::Name { name, span: 0..0 },
        other => other,
    })
}

fn assert_same_reading(document: &Document, oracle: Oracle) {
    let ours = match document.root {
        Root::Other => Oracle::Other,
        Root::Object => Oracle::Object {
            model: without_span(document.model.clone()),
            duplicate: document.duplicate_at.is_some(),
        },
    };
    assert_eq!(ours, oracle);
}

/// The two halves of the contract in the [module's](super) documentation.
fn assert_agreement(body: &[u8]) {
    let ours = scan(body);
    // What the strict parser accepts is accepted with the same reading.
    if serde_json::from_slice::<serde_json::Value>(body).is_ok() {
        let document = ours.clone().unwrap_or_else(|error| panic!("{error}"));
        assert_same_reading(&document, oracle(body).expect("the strict parser accepts it"));
    }
    // What we accept, the parser accepts when it skips what we skip. It lets less
    // pass in skipped strings: raw control characters and broken UTF-8 are mended.
    if let Ok(document) = ours {
        let tame: Vec<u8> = body
            .iter()
            .map(|&byte| match byte {
                b'\n' | b'\r' | b'\t' => b' ',
                0..=0x1f => b'x',
                _ => byte,
            })
            .collect();
        let tame = String::from_utf8_lossy(&tame);
        let oracle = oracle(tame.as_bytes())
            .unwrap_or_else(|error| panic!("accepted, but serde_json: {error}: {tame:?}"));
        assert_same_reading(&document, oracle);
        if let Some(ModelValue::Name { name, span }) = &document.model {
            let raw = &body[span.start as usize..span.end as usize];
            assert_eq!(&serde_json::from_slice::<String>(raw).expect("the span is a string"), name);
        }
    }
}

fn whitespace() -> impl Strategy<Value = String> {
    "[ \\n\\r\\t]{0,2}"
}

/// A JSON string literal, with any mix of raw characters and escapes.
fn string_literal() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z\"\\\\/é你😀 ]{0,40}".prop_map(|text: String| {
            let quoted = serde_json::to_string(&text).expect("strings serialize");
            quoted[1..quoted.len() - 1].to_owned()
        }),
        1 => prop_oneof![
            Just("\\n"), Just("\\\""), Just("\\\\"), Just("\\/"), Just("\\b"), Just("\\t"),
            Just("\\u0041"), Just("\\u00e9"), Just("\\uD83D\\uDE00"), Just("\\u4f60"),
        ].prop_map(str::to_owned),
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn key_literal() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("\"model\"".to_owned()),
        1 => Just("\"mod\\u0065l\"".to_owned()),
        1 => Just("\"\\u006dodel\"".to_owned()),
        1 => Just("\"models\"".to_owned()),
        1 => Just("\"mode\"".to_owned()),
        1 => Just("\"Model\"".to_owned()),
        1 => Just("\"\"".to_owned()),
        2 => string_literal(),
    ]
}

fn number_literal() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| format!("{n:e}")),
        "-?(0|[1-9][0-9]{0,5})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?",
    ]
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        number_literal(),
        string_literal(),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (whitespace(), proptest::collection::vec((inner.clone(), whitespace()), 0..4))
                .prop_map(|(space, items)| {
                    let items: Vec<_> =
                        items.into_iter().map(|(item, after)| format!("{item}{after}")).collect();
                    format!("[{space}{}]", items.join(","))
                }),
            (whitespace(), proptest::collection::vec((key_literal(), inner, whitespace()), 0..4))
                .prop_map(|(space, members)| {
                    let members: Vec<_> = members
                        .into_iter()
                        .map(|(key, value, after)| format!("{key}{after}:{space}{value}{after}"))
                        .collect();
                    format!("{{{space}{}}}", members.join(","))
                }),
        ]
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    (whitespace(), value(), whitespace())
        .prop_map(|(before, value, after)| format!("{before}{value}{after}").into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn agrees_on_well_formed_bodies_however_they_are_cut(body in body()) {
        prop_assert!(scan(&body).is_ok());
        assert_agreement(&body);
    }

    #[test]
    fn agrees_on_bodies_with_a_few_bytes_changed(
        mut body in body(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), edited_byte()), 1..4),
    ) {
        for (at, byte) in edits {
            if !body.is_empty() {
                let at = at.index(body.len());
                body[at] = byte;
            }
        }
        assert_agreement(&body);
    }

    #[test]
    fn agrees_on_bodies_cut_short_or_with_something_behind(
        body in body(), at in any::<prop::sample::Index>(), tail in "[\\]}{\"a1 ,]{0,3}",
    ) {
        let cut = at.index(body.len() + 1);
        assert_agreement(&body[..cut]);
        let mut longer = body.clone();
        longer.extend_from_slice(tail.as_bytes());
        assert_agreement(&longer);
    }

    #[test]
    fn agrees_on_soup_of_json_s_own_bytes(body in "[\\[\\]{}:,\"\\\\ntu0-9a-fe+.\\- model]{0,24}") {
        assert_agreement(body.as_bytes());
    }

    #[test]
    fn agrees_on_any_bytes(body in proptest::collection::vec(any::<u8>(), 0..24)) {
        assert_agreement(&body);
    }

    #[test]
    fn agrees_on_long_strings_dense_with_escapes(
        pieces in proptest::collection::vec(prop_oneof![
            Just("\\\\"), Just("\\\""), Just("\\n"), Just("\\u00e4"), Just("x"), Just("long plain text "),
            Just("\\u12"), Just("\\q"), Just("\u{7f}"),
        ], 0..120),
        lead in 0..70_usize,
    ) {
        let text = pieces.concat();
        assert_agreement(format!("{}{{\"prompt\":\"{text}\",\"model\":\"m\"}}", " ".repeat(lead)).as_bytes());
    }
}

fn edited_byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        Just(b'"'),
        Just(b'\\'),
        Just(b'{'),
        Just(b'}'),
        Just(b'['),
        Just(b']'),
        Just(b','),
        Just(b':'),
        Just(b'u'),
        Just(b'0'),
        Just(b'.'),
        Just(b'-'),
        Just(b'e'),
        any::<u8>(),
    ]
}
