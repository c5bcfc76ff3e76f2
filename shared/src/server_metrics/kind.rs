//! The model servers whose metrics are known, and how theirs are called.

use serde::Deserialize;

use super::names::{Field, Reads};

/// A kind of model server, by its metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub enum ServerKind {
    /// Any of the others: what the page has is read.
    #[default]
    Auto,
    /// vLLM, with the old and the new name of the KV cache's usage.
    Vllm,
    /// SGLang.
    Sglang,
    /// TensorRT-LLM's own server, `trtllm-serve`.
    #[serde(rename = "tensorrt-llm")]
    TensorRtLlm,
    /// Triton with the TensorRT-LLM backend.
    Triton,
}

/// A metric of a preset: the family, the label that selects series, what is read.
pub(super) struct Preset {
    pub(super) family: &'static str,
    pub(super) label: Option<(&'static str, &'static str)>,
    pub(super) reads: Reads,
}

impl ServerKind {
    /// The metrics to look for. Where several mean the same, the first that a page has
    /// counts.
    pub(super) fn presets(self) -> impl Iterator<Item = &'static Preset> {
        let tables: &[&[Preset]] = match self {
            Self::Auto => &[VLLM, SGLANG, TENSOR_RT_LLM, TRITON],
            Self::Vllm => &[VLLM],
            Self::Sglang => &[SGLANG],
            Self::TensorRtLlm => &[TENSOR_RT_LLM],
            Self::Triton => &[TRITON],
        };
        tables.iter().copied().flatten()
    }
}

const fn value(family: &'static str, field: Field) -> Preset {
    Preset { family, label: None, reads: Reads::Value(field) }
}

const fn label(family: &'static str, label: &'static str, field: Field) -> Preset {
    Preset { family, label: None, reads: Reads::Label(label, field) }
}

const fn selected(
    family: &'static str,
    label: (&'static str, &'static str),
    field: Field,
) -> Preset {
    Preset { family, label: Some(label), reads: Reads::Value(field) }
}

const VLLM: &[Preset] = &[
    value("vllm:num_requests_waiting", Field::Waiting),
    value("vllm:num_requests_running", Field::Running),
    value("vllm:kv_cache_usage_perc", Field::KvUsage),
    // Until version 0.10; 0.11 has both.
    value("vllm:gpu_cache_usage_perc", Field::KvUsage),
    label("vllm:cache_config_info", "block_size", Field::BlockSize),
    label("vllm:cache_config_info", "num_gpu_blocks", Field::Blocks),
    Preset { family: "vllm:lora_requests_info", label: None, reads: Reads::LoraRequests },
    Preset { family: "vllm:lora_adapter_loaded", label: None, reads: Reads::LoraLoaded },
];

const SGLANG: &[Preset] = &[
    value("sglang:num_queue_reqs", Field::Waiting),
    value("sglang:num_running_reqs", Field::Running),
    value("sglang:token_usage", Field::KvUsage),
    label("sglang:cache_config_info", "page_size", Field::BlockSize),
    label("sglang:cache_config_info", "num_pages", Field::Blocks),
];

const TENSOR_RT_LLM: &[Preset] = &[
    value("trtllm_num_requests_waiting", Field::Waiting),
    value("trtllm_num_requests_running", Field::Running),
    value("trtllm_kv_cache_utilization", Field::KvUsage),
    value("trtllm_kv_cache_tokens_per_block", Field::BlockSize),
    value("trtllm_kv_cache_max_blocks", Field::Blocks),
];

const REQUESTS: &str = "nv_trt_llm_request_metrics";
const CACHE: &str = "nv_trt_llm_kv_cache_block_metrics";
const TRITON: &[Preset] = &[
    selected(REQUESTS, ("request_type", "waiting"), Field::Waiting),
    selected(REQUESTS, ("request_type", "scheduled"), Field::Running),
    selected(CACHE, ("kv_cache_block_type", "fraction"), Field::KvUsage),
    selected(CACHE, ("kv_cache_block_type", "tokens_per"), Field::BlockSize),
    selected(CACHE, ("kv_cache_block_type", "max"), Field::Blocks),
];
