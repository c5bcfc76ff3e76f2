//! Every request of the guides that are served here (000, 002, 003, 004), as data, with
//! where it must go. The table, the judge and the printed curl commands read it.
//!
//! Invariant: one row per `curl` of the guides, in their order; the last row is the one
//! route of guide 002 that none of its requests takes.

use serde::Serialize;

/// The API a request speaks, with what differs between the guides' requests.
#[derive(Clone, Copy, Debug)]
pub(super) enum Api {
    /// `/v1/chat/completions`: the first message's role, the user's message.
    Chat(&'static str, &'static str),
    /// `/v1/completions`: the prompt.
    Completion(&'static str),
}

/// A request and where it must go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// The guide's number.
    pub(super) guide: &'static str,
    /// The body's `model`.
    pub(crate) model: &'static str,
    api: Api,
    max_tokens: u32,
    /// What `X-Gateway-Base-Model-Name` must be; none: not set.
    pub(super) base: Option<&'static str>,
    /// The pool that must serve it.
    pub(crate) pool: &'static str,
}

impl Request {
    pub(crate) fn path(&self) -> &'static str {
        match self.api {
            Api::Chat(..) => "/v1/chat/completions",
            Api::Completion(_) => "/v1/completions",
        }
    }

    /// The body, its fields in the guides' order.
    pub(crate) fn body(&self) -> Result<String, serde_json::Error> {
        let (prompt, messages) = match self.api {
            Api::Completion(prompt) => (Some(prompt), None),
            Api::Chat(role, content) => {
                let first = Message { role, content: "You are a helpful assistant." };
                (None, Some([first, Message { role: "user", content }]))
            }
        };
        let Self { model, max_tokens, .. } = *self;
        serde_json::to_string(&Body { model, prompt, max_tokens, temperature: 0, messages })
    }
}

#[derive(Serialize)]
struct Body {
    model: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<&'static str>,
    max_tokens: u32,
    temperature: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<[Message; 2]>,
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    content: &'static str,
}

/// A model of the guides: its name, its base, its pool.
type Model = (&'static str, Option<&'static str>, &'static str);

const LLAMA: Model = of_base("meta-llama/Llama-3.1-8B-Instruct", "vllm-llama3-8b-instruct");
const FOOD_REVIEW_1: Model = ("food-review-1", LLAMA.1, LLAMA.2);
const PHI4: Model = of_base("microsoft/Phi-4-mini-instruct", "vllm-phi4-mini-instruct");
const DEEPSEEK: Model = of_base("deepseek/vllm-deepseek-r1", "vllm-deepseek-r1");
const SKI: Model = ("ski-resorts", DEEPSEEK.1, DEEPSEEK.2);
const MOVIES: Model = ("movie-critique", DEEPSEEK.1, DEEPSEEK.2);
const FOOD_REVIEW: Model = ("food-review", None, DEEPSEEK.2);
const ENGLISH: Model = ("english-bot", Some("google/gemma-3-4b-it"), "gemma3");
const SPANISH: Model = ("spanish-bot", Some("google/gemma-3-4b-it"), "gemma3");
const CHATBOT: Model = of_base("chatbot", "gemma3");
const RECOMMENDER: Model = of_base("recommender", "deepseek-r1");

const fn of_base(name: &'static str, pool: &'static str) -> Model {
    (name, Some(name), pool)
}

const LINUX: &str = "Linux is said to be an open source kernel because ";
const REVIEW: &str = "Write a review of the best restaurans in San-Francisco";
const SKI_AUSTRIA: &str = "What is the best ski resort in Austria?";
const BEST_MOVIES: &str = "The best movies of 2025 are";

/// (guide, model, API, max_tokens)
const ROWS: [(&str, Model, Api, u32); 24] = [
    ("000", ENGLISH, Api::Completion("What is the color of the sky"), 100),
    ("000", SPANISH, Api::Completion("¿De qué color es...?"), 100),
    ("002", LLAMA, Api::Chat("developer", LINUX), 100),
    ("002", PHI4, Api::Chat("developer", "2+2 is "), 100),
    ("002", LLAMA, Api::Completion(LINUX), 100),
    ("002", PHI4, Api::Completion("2+2 is "), 20),
    ("002", LLAMA, Api::Chat("developer", LINUX), 100),
    ("002", FOOD_REVIEW_1, Api::Chat("reviewer", REVIEW), 100),
    ("002", MOVIES, Api::Chat("reviewer", BEST_MOVIES), 100),
    ("002", SKI, Api::Chat("reviewer", BEST_MOVIES), 100),
    ("002", FOOD_REVIEW_1, Api::Completion(LINUX), 100),
    ("002", SKI, Api::Completion(SKI_AUSTRIA), 20),
    ("002", MOVIES, Api::Completion("Write as if you were a movie critique"), 20),
    ("003", LLAMA, Api::Chat("developer", LINUX), 100),
    ("003", DEEPSEEK, Api::Chat("developer", LINUX), 100),
    ("003", FOOD_REVIEW_1, Api::Chat("reviewer", REVIEW), 100),
    ("003", MOVIES, Api::Chat("reviewer", "What are the best movies of 2025?"), 100),
    ("003", SKI, Api::Chat("reviewer", "Tell mne about ski deals"), 100),
    ("003", DEEPSEEK, Api::Completion(SKI_AUSTRIA), 20),
    ("003", SKI, Api::Completion(SKI_AUSTRIA), 20),
    ("003", MOVIES, Api::Completion("Tell me about movies"), 20),
    ("004", CHATBOT, Api::Completion("What is the color of the sky"), 100),
    ("004", RECOMMENDER, Api::Completion("Give me restaurant recommendations in Paris"), 100),
    ("002", FOOD_REVIEW, Api::Completion("Tell me about food"), 20),
];

/// All of the guides' requests.
pub(crate) fn all() -> Vec<Request> {
    ROWS.map(|(guide, (model, base, pool), api, max_tokens)| Request {
        guide,
        model,
        api,
        max_tokens,
        base,
        pool,
    })
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::pools::POOLS;

    #[test]
    fn every_request_goes_to_a_pool_and_every_pool_gets_one() {
        let requests = all();
        for pool in POOLS {
            assert!(requests.iter().any(|r| r.pool == pool.name), "{}", pool.name);
        }
        for request in &requests {
            assert!(POOLS.iter().any(|pool| pool.name == request.pool), "{request:?}");
        }
    }

    #[test]
    fn a_body_holds_what_its_api_needs() {
        for request in all() {
            let body: serde_json::Value = serde_json::from_str(&request.body().unwrap()).unwrap();
            assert_eq!(body["model"], request.model);
            let chat = request.path().contains("chat");
            assert_eq!(body["messages"].is_array(), chat, "{body}");
            assert_eq!(body["prompt"].is_string(), !chat, "{body}");
        }
    }
}
