//! What BBR tells the picker of a prompt, through the stream's filter state.

use gateway_tests::{Answer, Call, Gateway, Setup, Version, run};
use serde_json::{Value, json};

const LLAMA: &str = "vllm-llama3-8b-instruct";
const MODEL: &str = "meta-llama/Llama-3.1-8B-Instruct";
/// Another model of the same pool.
const ADAPTER: &str = "food-review-1";

fn setup() -> Setup {
    Setup::guides()
        .plugin(json!({"promptDigest": {}}))
        .picker_only(&[LLAMA])
        .picker(json!({"requestFacts": true}))
}

/// A chat with some 9,000 bytes of instructions and then a question.
fn chat(model: &str, question: &str) -> Value {
    let rules: String =
        (0..300).map(|n| format!("Rule {n} is \"{}\" and holds. ", n * n)).collect();
    json!({"model": model, "max_tokens": 1, "messages": [
        {"role": "system", "content": rules}, {"role": "user", "content": question.repeat(20)}]})
}

fn call(body: impl ToString) -> Call {
    Call::json("/v1/chat/completions", body.to_string())
}

/// The chain after 1, 2, 4, … blocks, as the picker saw it.
fn prefix(answer: &Answer) -> Vec<String> {
    assert_eq!((answer.status, answer.picker("why")), (200, Some("picked")), "{answer:?}");
    let prefix = answer.picker("prefix").expect("facts");
    prefix.split('.').map(str::to_owned).collect()
}

#[test]
fn requests_that_begin_alike_reach_the_picker_with_chains_that_begin_alike() {
    run(async {
        let gateway = Gateway::start(setup()).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        let first = gateway.send(call(chat(MODEL, "Why? "))).await;
        let chain = prefix(&first);
        assert!(chain.len() >= 6, "32 blocks of 256 bytes and more: {first:?}");
        let tokens: u32 = first.picker("tokens").and_then(|n| n.parse().ok()).expect("tokens");
        assert!((2_000..3_000).contains(&tokens), "{tokens}");

        // The same, over other connections, protocols, cuts and spellings.
        let text = chat(MODEL, "Why? ").to_string();
        let pieces: Vec<_> = text.as_bytes().chunks(100).map(<[u8]>::to_vec).collect();
        let cut = Call::json("/v1/chat/completions", "").pieces(pieces, &[("x-end", "1")]);
        for same in [call(&text), cut, call(text.replace(',', " ,\n"))] {
            let answer = gateway.send_over(Version::H2, same).await;
            assert_eq!(prefix(&answer), chain);
            assert_eq!(answer.picker("tokens"), first.picker("tokens"));
        }
        // Another question: the instructions are shared, and not the end.
        let other = prefix(&gateway.send(call(chat(MODEL, "How so? "))).await);
        assert_eq!(other[..5], chain[..5]);
        // Another model, another tenant: nothing is.
        let mut salted = chat(MODEL, "Why? ");
        salted["cache_salt"] = json!("tenant");
        for foreign in [chat(ADAPTER, "Why? "), salted] {
            let foreign = prefix(&gateway.send(call(foreign)).await);
            assert!(foreign.iter().all(|entry| !chain.contains(entry)), "{foreign:?}");
        }
        gateway.check();
    });
}

#[test]
fn facts_are_of_one_request_and_come_from_bbr_alone() {
    run(async {
        let gateway = Gateway::start(setup()).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        let mut client = gateway.connect(Version::H1).await;
        for _ in 0..3 {
            assert!(!prefix(&client.send(call(chat(MODEL, "Why? "))).await).is_empty());
            // Over the same connection: a body without a prompt, and one that claims facts.
            let claims = json!({"model": MODEL, "igw.request": "\u{1}abc", "wasm.igw.request": 1});
            for header in ["igw.request", "wasm.igw.request", "x-igw-request"] {
                let claim = call(&claims).header(header, "\t\tabc");
                let answer = client.send(claim).await;
                assert_eq!(answer.picker("why"), Some("picked"), "{answer:?}");
                assert_eq!(answer.picker("tokens"), None, "{answer:?}");
            }
        }
        gateway.check();
    });
}

#[test]
fn without_a_digest_the_picker_works_without_facts() {
    run(async {
        let setup = setup().plugin(json!({"promptDigest": null}));
        let gateway = Gateway::start(setup).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        let answer = gateway.send(call(chat(MODEL, "Why? "))).await;
        assert_eq!((answer.status, answer.picker("why")), (200, Some("picked")), "{answer:?}");
        assert_eq!(answer.picker("tokens"), None);
        gateway.check();
    });
}
