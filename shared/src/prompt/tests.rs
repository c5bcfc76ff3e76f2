use proptest::prelude::*;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::json::Scanner;

fn settings() -> DigestSettings {
    DigestSettings::new(4, 16, 128).expect("settings")
}

fn facts_of<'a>(model: &str, chunks: impl IntoIterator<Item = &'a [u8]>) -> Option<RequestFacts> {
    let mut scanner = Scanner::observed(64, PromptDigest::new(settings()));
    for chunk in chunks {
        scanner.feed(chunk).expect("JSON");
    }
    scanner.finish_observed().expect("JSON").1.facts(model)
}

fn facts(body: &str) -> RequestFacts {
    facts_of("m", [body.as_bytes()]).expect("a prompt")
}

fn chain(body: impl ToString) -> Vec<u64> {
    facts(&body.to_string()).chain
}

/// A message whose content does not repeat itself.
fn message(n: usize) -> Value {
    let role = if n.is_multiple_of(2) { "user" } else { "assistant" };
    let words: Vec<_> = (0..40).map(|word| format!("{}", (n + 3) * (word + 7))).collect();
    json!({"role": role, "content": format!("{n} \"quoted\" \\ é\n {}", words.join(" "))})
}

fn chat(turns: usize) -> Value {
    let messages: Vec<_> = (0..turns).map(message).collect();
    json!({"model": "m", "messages": messages, "stream": true, "max_tokens": 77})
}

/// Long enough for several blocks, and different for each seed.
fn text(seed: usize) -> String {
    (0..60).map(|n| format!("{} ", n * 7919 + seed * 104_729)).collect()
}

fn common(one: &[u64], other: &[u64]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

fn all_shapes() -> String {
    json!({
        "model": "m", "cache_salt": "s", "user": "u\u{e9}", "max_completion_tokens": 5,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"a": [1, 2, null, {"b": true}]}}}],
        "messages": [
            {"role": "system", "content": text(1)},
            {"content": [{"type": "text", "text": text(2)},
                {"image_url": {"url": format!("data:image/png;base64,{}", text(3).repeat(9))}, "type": "image_url"},
                "bare", 1, 2, 3, [4], null], "role": "user", "name": "me"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]},
        ],
        "input": [1, 22, 333, 4444, "x", [5, 6], {"role": "user"}],
        "prompt": text(4),
    })
    .to_string()
}

#[test]
fn every_cut_gives_the_same_facts() {
    for body in [
        all_shapes(),
        chat(3).to_string(),
        json!({"prompt": (0..300).collect::<Vec<_>>()}).to_string(),
    ] {
        let whole = facts(&body);
        assert!(whole.chain.len() > 5, "{whole:?}");
        for at in 0..=body.len() {
            let (start, end) = body.as_bytes().split_at(at);
            assert_eq!(facts_of("m", [start, end]).as_ref(), Some(&whole), "cut at {at}");
        }
        for size in 1..70 {
            let chunks = body.as_bytes().chunks(size);
            assert_eq!(facts_of("m", chunks).as_ref(), Some(&whole), "pieces of {size}");
        }
    }
}

/// JSON with white space between all tokens.
fn spaced(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(spaced).collect();
            format!(" [ {} ]\n", items.join(" , "))
        }
        Value::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(key, value)| format!("\t{} : {}", Value::from(key.as_str()), spaced(value)))
                .collect();
            format!("{{ {} }} ", fields.join("\r\n,"))
        }
        scalar => format!(" {scalar} "),
    }
}

#[test]
fn white_space_between_tokens_does_not_matter() {
    for body in [all_shapes(), chat(3).to_string()] {
        let value: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(facts(&spaced(&value)), facts(&value.to_string()));
    }
}

#[test]
fn the_order_of_a_body_s_keys_does_not_matter() {
    let (long, image) = (text(1), text(2).repeat(5));
    let one = facts(&format!(
        r#"{{"model":"m","tools":[{{"type":"function","function":{{"name":"{long}"}}}}],"cache_salt":"s","max_tokens":5,
        "messages":[{{"role":"user","content":"{long}"}},{{"role":"user","name":"n","content":[{{"type":"text","text":"{long}"}},{{"type":"image_url","image_url":"{image}"}}]}}]}}"#
    ));
    let two = facts(&format!(
        r#"{{"messages":[{{"content":"{long}","role":"user"}},{{"content":[{{"text":"{long}","type":"text"}},{{"image_url":"{image}","type":"image_url"}}],"name":"n","role":"user"}}],
        "max_tokens":5,"cache_salt":"s","tools":[{{"function":{{"name":"{long}"}},"type":"function"}}],"model":"m"}}"#
    ));
    assert!(one.chain.len() > 15);
    assert_eq!(one, two);
}

#[test]
fn the_order_of_what_a_server_reads_in_order_matters() {
    let (a, b) = (message(1), message(2));
    let one = chain(json!({"messages": [a, b]}));
    let two = chain(json!({"messages": [b, a]}));
    assert_eq!(common(&one, &two), 0);
    let one = chain(json!({"prompt": [text(1), text(2)]}));
    let two = chain(json!({"prompt": [text(2), text(1)]}));
    assert_eq!(common(&one, &two), 0);
}

#[test]
fn a_conversation_with_one_more_turn_begins_with_the_whole_chain() {
    for turns in 1..20 {
        let (short, long) = (chain(chat(turns)), chain(chat(turns + 1)));
        assert!(long.len() > short.len());
        assert!(long.starts_with(&short));
    }
}

#[test]
fn a_longer_text_begins_with_the_whole_chain_of_a_shorter_one() {
    let long = text(5).repeat(3);
    let ids: Vec<_> = (0..500).map(|n| n * 257 % 128_000).collect();
    for length in 1..long.len() {
        let (short, long) =
            (chain(json!({"prompt": &long[..length]})), chain(json!({"prompt": long})));
        assert!(long.starts_with(&short), "{length}");
        assert_eq!(short.len(), length / 64);
    }
    for length in 1..ids.len() {
        let (short, long) =
            (chain(json!({"prompt": ids[..length]})), chain(json!({"prompt": ids})));
        assert!(long.starts_with(&short), "{length}");
    }
}

#[test]
fn what_changes_the_prompt_changes_the_chain_from_there_on() {
    let body = |role: &str, name: &str, content: &str, tool: &str| {
        chain(json!({"tools": [{"function": {"name": tool}}], "messages":
            [message(0), {"role": role, "name": name, "content": content}, message(1)]}))
    };
    let base = body("user", "n", "same", "f");
    for other in [
        body("system", "n", "same", "f"),
        body("user", "o", "same", "f"),
        body("user", "n", "else", "f"),
    ] {
        let shared = common(&base, &other);
        assert!((1..base.len()).contains(&shared), "{shared}");
    }
    assert_eq!(common(&base, &body("user", "n", "same", "g")), 0);
}

#[test]
fn a_value_is_not_taken_for_one_of_another_kind_or_place() {
    let bodies = [
        json!({"prompt": text(1)}),
        json!({"input": text(1)}),
        json!({"instructions": text(1)}),
        json!({"prompt": [[text(1)]]}),
        json!({"messages": [{"role": "user", "content": text(1)}]}),
        json!({"messages": [{"role": "user", "content": [text(1)]}]}),
        json!({"messages": [{"role": "user", "content": [{"text": text(1)}]}]}),
        json!({"messages": [{"role": "user", "refusal": text(1)}]}),
    ];
    let chains: Vec<_> = bodies.iter().map(chain).collect();
    for (n, one) in chains.iter().enumerate() {
        assert!(one.len() > 2);
        for other in chains.iter().skip(n + 1) {
            assert_eq!(common(one, other), 0);
        }
    }
}

#[test]
fn a_list_of_one_prompt_is_that_prompt() {
    assert_eq!(chain(json!({"prompt": [text(1)]})), chain(json!({"prompt": text(1)})));
}

#[test]
fn other_models_salts_and_templates_share_no_block() {
    let body = |extra: Value| {
        let mut body = chat(3);
        body.as_object_mut().expect("an object").extend(extra.as_object().expect("one").clone());
        body.to_string()
    };
    let plain = body(json!({}));
    let others = [
        (facts_of("n", [plain.as_bytes()]), "model"),
        (facts_of("", [plain.as_bytes()]), "no model"),
        (Some(facts(&body(json!({"cache_salt": "s"})))), "salt"),
        (Some(facts(&body(json!({"cache_salt": "t"})))), "another salt"),
        (Some(facts(&body(json!({"chat_template": "s"})))), "template"),
        (Some(facts(&body(json!({"chat_template_kwargs": {"enable_thinking": false}})))), "kwargs"),
        (Some(facts(&plain)), "the same"),
    ];
    for (n, (one, name)) in others.iter().enumerate() {
        let one = one.as_ref().expect("a prompt");
        for (other, other_name) in others.iter().skip(n + 1) {
            let other = other.as_ref().expect("a prompt");
            assert!(
                one.chain.iter().all(|block| !other.chain.contains(block)),
                "{name}, {other_name}"
            );
        }
    }
}

#[test]
fn pictures_and_sound_weigh_what_a_server_makes_of_them() {
    let body = |kind: &str, data: &str| {
        facts(
            &json!({"messages": [{"role": "user", "content": [
            {"type": "text", "text": text(1)}, {"type": kind, kind: {"data": data}},
            {"type": "text", "text": text(2)}]}]})
            .to_string(),
        )
    };
    let data = "QUJD".repeat(50_000);
    let picture = body("image_url", &data);
    assert!((768..1100).contains(&picture.prompt_tokens), "{}", picture.prompt_tokens);
    assert!(picture.prompt_bytes > 200_000);
    assert!((768 / 16..70).contains(&picture.chain.len()));
    let sound = body("input_audio", &data);
    assert!((118..400).contains(&sound.prompt_tokens), "{}", sound.prompt_tokens);
    // The text before is shared, and nothing behind a difference in the data.
    let other = body("image_url", &format!("{data}A"));
    let shared = common(&picture.chain, &other.chain);
    assert_eq!(shared as u64, (text(1).len() as u64 + 8) / 64);
}

#[test]
fn size_limit_stream_and_user_are_told() {
    let told = facts(&chat(2).to_string());
    assert_eq!((told.max_tokens, told.stream, told.user), (Some(77), true, None));
    assert!((250..500).contains(&told.prompt_bytes), "{told:?}");
    assert_eq!(u64::from(told.prompt_tokens), told.prompt_bytes.div_ceil(4));
    let user = |user: &str| facts(&json!({"prompt": "a", "user": user}).to_string()).user;
    assert!(user("a").is_some() && user("a") != user("b"));
    let odd = facts(r#"{"prompt":"a","max_tokens":"7","stream":"true","user":7}"#);
    assert_eq!((odd.max_tokens, odd.stream, odd.user), (None, false, None));
}

#[test]
fn token_ids_are_counted_as_tokens() {
    let ids: Vec<_> = (0..5_000).map(|n| 10_000 + n * 7).collect();
    let facts = facts(&json!({"prompt": ids}).to_string());
    assert!((4_900..5_100).contains(&facts.prompt_tokens), "{}", facts.prompt_tokens);
    assert_eq!(facts.chain.len(), 128);
}

#[test]
fn a_key_that_comes_twice_leaves_no_chain() {
    for body in [
        r#"{"prompt":"a","prompt":"b"}"#,
        r#"{"messages":[],"m\u0065ssages":[{"role":"user"}]}"#,
        r#"{"prompt":"a","cache_salt":"b","cache_salt":"c"}"#,
    ] {
        assert!(facts(body).chain.is_empty(), "{body}");
    }
}

#[test]
fn a_body_without_a_prompt_has_no_facts() {
    for body in [r#"{"model":"m","max_tokens":3}"#, "[]", "7", r#"[{"prompt":"a"}]"#] {
        assert_eq!(facts_of("m", [body.as_bytes()]), None, "{body}");
    }
}

#[test]
fn an_escaped_key_is_the_key() {
    let plain = format!(r#"{{"prompt":"{}"}}"#, text(1));
    assert_eq!(chain(&plain), chain(plain.replace("prompt", "pr\\u006fmpt")));
}

#[test]
fn the_chain_is_bounded_and_the_size_is_not() {
    let long = text(9).repeat(2_000);
    for body in [
        json!({"prompt": long}),
        json!({"messages": [{"role": "user", "content": long}]}),
        json!({"messages": vec![message(1); 3_000]}),
        json!({"messages": [{"content": vec!["x"; 100_000]}]}),
        json!({"tools": vec![message(1); 900], "messages": vec![message(1); 900]}),
    ] {
        let facts = facts(&body.to_string());
        assert_eq!(facts.chain.len(), 128);
        assert!(facts.prompt_bytes >= 100_000, "{}", facts.prompt_bytes);
    }
}

#[test]
fn two_long_values_of_one_message_end_the_chain_where_the_hashes_end() {
    let (a, b, c) = (text(1).repeat(60), text(2).repeat(60), text(3).repeat(60));
    let body = |a: &str, b: &str| chain(format!(r#"{{"messages":[{{"b":"{b}","a":"{a}"}}]}}"#));
    let (one, other) = (body(&a, &b), body(&a, &c));
    assert!(one.is_empty());
    assert_eq!(one, other);
}

#[test]
fn facts_of_another_version_or_cut_short_are_refused() {
    let facts = facts(&chat(2).to_string());
    let bytes = facts.encode();
    assert!(bytes.len() < 30 + 8 * facts.chain.len());
    assert_eq!(RequestFacts::decode(&bytes), Ok(facts));
    for length in 1..bytes.len() {
        let read = RequestFacts::decode(&bytes[..length]);
        // Whole entries may be missing: then it is the facts of a shorter prompt.
        assert!(read.is_err() || (bytes.len() - length).is_multiple_of(8), "{length}");
    }
    assert_eq!(RequestFacts::decode(&[9, 1]), Err(FactsError::Version { found: Some(9) }));
    assert_eq!(RequestFacts::decode(&[]), Err(FactsError::Version { found: None }));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u32>().prop_map(Value::from),
        "[a-z\"\\\\é\n]{0,90}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let key =
            prop_oneof![Just("role"), Just("content"), Just("image_url"), Just("text"), Just("x")];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..5).prop_map(|fields| fields
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
        ]
    })
}

fn any_body() -> impl Strategy<Value = Value> {
    (any_json(), any_json(), any_json()).prop_map(|(messages, prompt, tools)| {
        json!({"messages": messages, "prompt": prompt, "tools": [tools], "cache_salt": prompt})
    })
}

proptest! {
    #[test]
    fn any_body_gives_the_same_facts_however_it_is_cut_and_spaced(body in any_body(), size in 1..200_usize) {
        let compact = body.to_string();
        let whole = facts(&compact);
        prop_assert_eq!(facts_of("m", compact.as_bytes().chunks(size)), Some(whole.clone()));
        let spaced = spaced(&body);
        prop_assert_eq!(facts_of("m", spaced.as_bytes().chunks(size)), Some(whole));
    }

    #[test]
    fn any_further_message_extends_the_chain(
        messages in prop::collection::vec(any_json(), 1..6), more in any_json(),
    ) {
        let short = chain(json!({"messages": messages}));
        let longer = [&messages[..], &[more]].concat();
        let long = chain(json!({"messages": longer}));
        prop_assert!(long.starts_with(&short), "{short:?} {long:?}");
    }

    #[test]
    fn any_bytes_end_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut scanner = Scanner::observed(64, PromptDigest::new(settings()));
        let _ = scanner.feed(&bytes);
        let mut prompt = br#"{"messages":["#.to_vec();
        prompt.extend(bytes);
        let mut scanner = Scanner::observed(64, PromptDigest::new(settings()));
        let _ = scanner.feed(&prompt);
    }
}
