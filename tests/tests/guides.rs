//! Every request of the guides reaches the pool that its guide says.

use gateway_tests::{Call, Setup, Shared, Version};
use serde_json::json;

static GUIDES: Shared = Shared::new(Setup::guides);

/// A model of the guides, its base model, its pool.
type Model = (&'static str, Option<&'static str>, &'static str);

const LLAMA: Model = (
    "meta-llama/Llama-3.1-8B-Instruct",
    Some("meta-llama/Llama-3.1-8B-Instruct"),
    "vllm-llama3-8b-instruct",
);
const FOOD_REVIEW_1: Model = ("food-review-1", LLAMA.1, LLAMA.2);
const PHI4: Model = (
    "microsoft/Phi-4-mini-instruct",
    Some("microsoft/Phi-4-mini-instruct"),
    "vllm-phi4-mini-instruct",
);
const DEEPSEEK: Model =
    ("deepseek/vllm-deepseek-r1", Some("deepseek/vllm-deepseek-r1"), "vllm-deepseek-r1");
const SKI: Model = ("ski-resorts", DEEPSEEK.1, DEEPSEEK.2);
const MOVIES: Model = ("movie-critique", DEEPSEEK.1, DEEPSEEK.2);
const ENGLISH: Model = ("english-bot", Some("google/gemma-3-4b-it"), "gemma3");
const SPANISH: Model = ("spanish-bot", Some("google/gemma-3-4b-it"), "gemma3");
const CHATBOT: Model = ("chatbot", Some("chatbot"), "gemma3");
const RECOMMENDER: Model = ("recommender", Some("recommender"), "deepseek-r1");
/// Guide 002 routes it by its name; no mapping has it.
const FOOD_REVIEW: Model = ("food-review", None, "vllm-deepseek-r1");

const LINUX: &str = "Linux is said to be an open source kernel because ";
const SKI_AUSTRIA: &str = "What is the best ski resort in Austria?";

/// Guide, model, first message's role, user's message.
const CHATS: [(&str, Model, &str, &str); 11] = [
    ("002", LLAMA, "developer", LINUX),
    ("002", PHI4, "developer", "2+2 is "),
    ("002", FOOD_REVIEW_1, "reviewer", "Write a review of the best restaurans in San-Francisco"),
    ("002", MOVIES, "reviewer", "The best movies of 2025 are"),
    ("002", SKI, "reviewer", "The best movies of 2025 are"),
    ("002", FOOD_REVIEW, "reviewer", "Write a review"),
    ("003", LLAMA, "developer", LINUX),
    ("003", DEEPSEEK, "developer", LINUX),
    ("003", FOOD_REVIEW_1, "reviewer", "Write a review of the best restaurans in San-Francisco"),
    ("003", MOVIES, "reviewer", "What are the best movies of 2025?"),
    ("003", SKI, "reviewer", "Tell mne about ski deals"),
];

/// Guide, model, prompt, `max_tokens`.
const COMPLETIONS: [(&str, Model, &str, u32); 12] = [
    ("000", ENGLISH, "What is the color of the sky", 100),
    ("000", SPANISH, "¿De qué color es...?", 100),
    ("002", LLAMA, LINUX, 100),
    ("002", PHI4, "2+2 is ", 20),
    ("002", FOOD_REVIEW_1, LINUX, 100),
    ("002", SKI, SKI_AUSTRIA, 20),
    ("002", MOVIES, "Write as if you were a movie critique", 20),
    ("003", DEEPSEEK, SKI_AUSTRIA, 20),
    ("003", SKI, SKI_AUSTRIA, 20),
    ("003", MOVIES, "Tell me about movies", 20),
    ("004", CHATBOT, "What is the color of the sky", 100),
    ("004", RECOMMENDER, "Give me restaurant recommendations in Paris", 100),
];

#[test]
fn every_chat_of_the_guides_reaches_its_pool() {
    GUIDES.run(async |gateway| {
        for version in Version::BOTH {
            for (guide, (model, base, pool), role, content) in CHATS {
                println!("guide {guide}: {model} by {version:?}");
                // Laid out over several lines, as the guides' curl commands send it.
                let body = format!(
                    "{{\n   \"model\": \"{model}\",\n   \"max_tokens\": 100,\n   \
                     \"temperature\": 0,\n   \"messages\": [\n      {{\n         \"role\": \
                     \"{role}\",\n         \"content\": \"You are a helpful assistant.\"\n      \
                     }},\n      {{\n         \"role\": \"user\",\n         \"content\": \
                     \"{content}\"\n      }}\n   ]\n}}"
                );
                let call = Call::json("/v1/chat/completions", body.clone());
                let answer = gateway.send_over(version, call).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                answer.expect_route(pool, Some(model), base).expect_body(&body);
                let json = answer.json();
                assert_eq!(json["model"], model);
                assert!(json["choices"][0]["message"]["content"].is_string(), "{json}");
            }
        }
    });
}

#[test]
fn every_completion_of_the_guides_reaches_its_pool() {
    GUIDES.run(async |gateway| {
        for version in Version::BOTH {
            for (guide, (model, base, pool), prompt, max_tokens) in COMPLETIONS {
                println!("guide {guide}: {model} by {version:?}");
                let body = json!({"model": model, "prompt": prompt, "max_tokens": max_tokens,
                    "temperature": 0});
                let body = serde_json::to_string_pretty(&body).unwrap();
                let call = Call::json("/v1/completions", body.clone());
                let answer = gateway.send_over(version, call).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                answer.expect_route(pool, Some(model), base).expect_body(&body);
                let json = answer.json();
                assert_eq!(json["model"], model);
                assert!(json["choices"][0]["text"].is_string(), "{json}");
            }
        }
    });
}

#[test]
fn a_model_without_a_pool_is_not_found() {
    GUIDES.run(async |gateway| {
        let body = r#"{"model": "gpt-unheard-of", "prompt": "x"}"#;
        let answer = gateway.send(Call::json("/v1/completions", body)).await;
        answer.expect_error(404, "model_not_found", Some("model"));
    });
}
