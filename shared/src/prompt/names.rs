//! Which keys of a body matter, and how they are told apart.

/// A key as a number: exact up to 8 bytes; of longer ones the bytes overlap.
///
/// Two long keys may be one number. Nobody's API has such keys, and who makes them up
/// only hides a part of his own prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Key(u64);

impl Key {
    pub(super) const fn of(name: &str) -> Self {
        Self::EMPTY.and(name.as_bytes())
    }

    pub(super) const EMPTY: Self = Self(0);

    /// With a further part of its bytes.
    #[inline]
    pub(super) const fn and(self, part: &[u8]) -> Self {
        let mut number = self.0;
        let mut rest = part;
        while let [byte, after @ ..] = rest {
            number = number.rotate_left(8) ^ *byte as u64;
            rest = after;
        }
        Self(number)
    }

    pub(super) fn number(self) -> u64 {
        self.0
    }
}

/// The parts of a prompt, in the order in which servers put them.
pub(super) const PARTS: [Key; 6] = [
    Key::of("tools"),
    Key::of("system"),
    Key::of("instructions"),
    Key::of("messages"),
    Key::of("input"),
    Key::of("prompt"),
];

/// What else changes a prompt, or who may share it: part of the seed.
pub(super) const SEEDS: [Key; 4] = [
    Key::of("cache_salt"),
    Key::of("chat_template"),
    Key::of("chat_template_kwargs"),
    Key::of("reasoning_effort"),
];

/// What the value of a top-level key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Nothing,
    Part(usize),
    Seed(usize),
    MaxTokens,
    Stream,
    User,
}

impl Target {
    pub(super) fn of(key: Key) -> Self {
        const MAX_TOKENS: [Key; 3] =
            [Key::of("max_tokens"), Key::of("max_completion_tokens"), Key::of("max_output_tokens")];
        if let Some(part) = PARTS.iter().position(|part| *part == key) {
            Self::Part(part)
        } else if let Some(seed) = SEEDS.iter().position(|seed| *seed == key) {
            Self::Seed(seed)
        } else if MAX_TOKENS.contains(&key) {
            Self::MaxTokens
        } else if key == Key::of("stream") {
            Self::Stream
        } else if key == Key::of("user") {
            Self::User
        } else {
            Self::Nothing
        }
    }

    /// One bit each, to notice a key that comes twice. The names of one limit share one
    /// bit: a server goes by one of them, and which one is its secret.
    pub(super) fn bit(self) -> u32 {
        let place = match self {
            Self::Nothing => return 0,
            Self::Part(part) => part,
            Self::Seed(seed) => PARTS.len() + seed,
            Self::MaxTokens | Self::Stream | Self::User => return 0,
        };
        1 << place
    }
}

/// A message's keys in the order in which they are chained: who speaks comes first.
pub(super) fn rank(key: Key) -> u64 {
    if key == Key::of("role") {
        0
    } else if key == Key::of("name") {
        1
    } else {
        key.number()
    }
}

/// What is no text, but is made tokens of by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    Picture,
    Sound,
}

impl Media {
    /// By the key of a content part that holds it: OpenAI's, vLLM's and Anthropic's.
    pub(super) fn of(key: Key) -> Option<Self> {
        const PICTURES: [Key; 6] = [
            Key::of("image_url"),
            Key::of("video_url"),
            Key::of("source"),
            Key::of("file"),
            Key::of("file_data"),
            Key::of("image_embeds"),
        ];
        const SOUNDS: [Key; 2] = [Key::of("input_audio"), Key::of("audio_url")];
        if PICTURES.contains(&key) {
            Some(Self::Picture)
        } else if SOUNDS.contains(&key) {
            Some(Self::Sound)
        } else {
            None
        }
    }

    /// Tokens that a server may make of it, whose JSON has so many bytes.
    ///
    /// A picture: between Gemma 3's 256 and the 1,280 or so that Qwen2.5-VL makes of a
    /// million pixels. Sound: 25 tokens a second, of 16,000 samples with 16 bits and
    /// in base64.
    pub(super) fn tokens(self, bytes: u64) -> u64 {
        match self {
            Self::Picture => 768,
            Self::Sound => 16 + bytes / 1700,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn keys_that_matter_are_told_from_all_keys_of_the_apis() {
        let known = [
            "model",
            "tools",
            "system",
            "instructions",
            "messages",
            "input",
            "prompt",
            "cache_salt",
            "chat_template",
            "chat_template_kwargs",
            "reasoning_effort",
            "max_tokens",
            "max_completion_tokens",
            "max_output_tokens",
            "stream",
            "user",
            "stream_options",
            "temperature",
            "top_p",
            "top_k",
            "n",
            "stop",
            "seed",
            "logprobs",
            "top_logprobs",
            "presence_penalty",
            "frequency_penalty",
            "logit_bias",
            "metadata",
            "response_format",
            "tool_choice",
            "parallel_tool_calls",
            "store",
            "modalities",
            "prediction",
            "audio",
            "service_tier",
            "safety_identifier",
            "prompt_cache_key",
            "verbosity",
            "web_search_options",
            "functions",
            "function_call",
            "echo",
            "best_of",
            "suffix",
            "include",
            "previous_response_id",
            "reasoning",
            "text",
            "truncation",
            "background",
            "conversation",
            "max_tool_calls",
            "guided_json",
            "guided_regex",
            "min_tokens",
            "ignore_eos",
            "priority",
            "request_id",
            "mm_processor_kwargs",
            "documents",
            "add_generation_prompt",
            "continue_final_message",
            "kv_transfer_params",
            "role",
            "name",
            "content",
            "type",
            "image_url",
            "input_audio",
            "audio_url",
            "video_url",
            "source",
            "file",
            "file_data",
            "file_url",
            "image_embeds",
            "detail",
            "tool_calls",
            "tool_call_id",
            "refusal",
            "reasoning_content",
            "function",
            "arguments",
            "parameters",
            "call_id",
            "output",
            "id",
            "status",
            "thinking",
        ];
        let numbers: std::collections::BTreeSet<_> = known.into_iter().map(Key::of).collect();
        assert_eq!(numbers.len(), known.len());
    }

    #[test]
    fn a_key_in_parts_is_the_whole_key() {
        assert_eq!(Key::EMPTY.and(b"mess").and(b"").and(b"ages"), Key::of("messages"));
    }
}
