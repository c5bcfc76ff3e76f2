//! `serveModels`: the list of models, answered from the mapping.

use gateway_tests::{Answer, Call, Rest, Setup, Shared, Version, unique};
use serde_json::{Value, json};

static SERVED: Shared = Shared::new(|| {
    let rewrites = json!([{"model": "alias", "targets": [{"model": "chatbot"}]}]);
    let plugin = json!({"serveModels": true, "modelRewrites": rewrites});
    Setup::bbr().plugin(plugin).rest(Rest::Simulator)
});
static NOT_SERVED: Shared =
    Shared::new(|| Setup::bbr().plugin(json!({"serveModels": null})).rest(Rest::Simulator));

const LLAMA: &str = "meta-llama/Llama-3.1-8B-Instruct";

fn expect_own(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.pod(), None, "answered by a model server: {answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
}

#[test]
fn the_list_has_every_base_model_and_adapter() {
    SERVED.run(async |gateway| {
        for version in Version::BOTH {
            for path in ["/v1/models", "/v1/models?limit=1", "/v1/models/"] {
                let list = expect_own(&gateway.send_over(version, Call::get(path)).await);
                assert_eq!(list["object"], "list");
                let models = list["data"].as_array().unwrap();
                let mut parents: Vec<_> = models
                    .iter()
                    .map(|m| (m["id"].as_str().unwrap(), m["parent"].as_str()))
                    .collect();
                parents.sort_unstable();
                let gemma = Some("google/gemma-3-4b-it");
                let deepseek = Some("deepseek/vllm-deepseek-r1");
                assert_eq!(
                    parents,
                    [
                        ("alias", None),
                        ("chatbot", None),
                        ("deepseek/vllm-deepseek-r1", None),
                        ("english-bot", gemma),
                        ("food-review-1", Some(LLAMA)),
                        ("google/gemma-3-4b-it", None),
                        (LLAMA, None),
                        ("microsoft/Phi-4-mini-instruct", None),
                        ("movie-critique", deepseek),
                        ("recommender", None),
                        ("ski-resorts", deepseek),
                        ("spanish-bot", gemma),
                    ]
                );
                for model in models {
                    assert_eq!(model["object"], "model");
                    assert!(model["created"].as_u64() > Some(1_700_000_000), "{model}");
                    assert!(model["owned_by"].is_string() && model["root"].is_string(), "{model}");
                }
            }
        }
    });
}

#[test]
fn a_model_is_found_by_its_id_with_slashes_raw_or_escaped() {
    SERVED.run(async |gateway| {
        for version in Version::BOTH {
            for (path, id) in [
                ("/v1/models/meta-llama/Llama-3.1-8B-Instruct", LLAMA),
                ("/v1/models/meta-llama%2FLlama-3.1-8B-Instruct", LLAMA),
                ("/v1/models/meta-llama%2fLlama-3.1-8B-Instruct?x=1", LLAMA),
                ("/v1/models/food-review-1", "food-review-1"),
                ("/v1/models/food%2Dreview-1", "food-review-1"),
                ("/v1/models/alias", "alias"),
            ] {
                println!("{path}");
                let model = expect_own(&gateway.send_over(version, Call::get(path)).await);
                assert_eq!(model["id"], id);
                assert_eq!(model["object"], "model");
                let parent = if id == "food-review-1" { json!(LLAMA) } else { Value::Null };
                assert_eq!(model["parent"], parent);
            }
        }
    });
}

#[test]
fn an_unknown_model_is_not_found() {
    SERVED.run(async |gateway| {
        for id in ["unheard-of", "meta-llama", "%ff%fe", "%", "Food-Review-1", "a%22b"] {
            let path = unique(&format!("/v1/models/{id}"));
            println!("{path}");
            for version in Version::BOTH {
                let answer = gateway.send_over(version, Call::get(&path)).await;
                answer.expect_error(404, "model_not_found", Some("model"));
            }
            gateway.expect_unseen(&path);
        }
    });
}

#[test]
fn head_is_answered_without_a_body() {
    SERVED.run(async |gateway| {
        for version in Version::BOTH {
            let answer = gateway.send_over(version, Call::new("HEAD", "/v1/models")).await;
            assert_eq!((answer.status, answer.pod()), (200, None));
            assert!(answer.body.is_empty());
        }
    });
}

#[test]
fn other_methods_and_paths_pass() {
    SERVED.run(async |gateway| {
        for call in [
            Call::new("DELETE", "/v1/models/food-review-1"),
            Call::post("/v1/models"),
            Call::get("/v1/modelsx"),
            Call::get("/v1/model"),
            Call::get("/models"),
        ] {
            let answer = gateway.send(call).await;
            assert_eq!(answer.pool(), Some("everything-else"), "{answer:?}");
        }
    });
}

#[test]
fn switched_off_the_request_passes() {
    NOT_SERVED.run(async |gateway| {
        for path in ["/v1/models", "/v1/models/food-review-1"] {
            let answer = gateway.send(Call::get(path)).await;
            answer.expect_route("everything-else", None, None);
        }
    });
}
