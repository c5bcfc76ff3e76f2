//! vLLM's metrics, as of version 0.11: the last that has both
//! `vllm:gpu_cache_usage_perc` and `vllm:kv_cache_usage_perc`.
//!
//! Invariant: names, labels and bucket bounds are vLLM's. As in vLLM,
//! `vllm:lora_requests_info` has no series before the first request and then
//! one per combination of adapters that was ever seen; the largest value is
//! the current one.

use super::View;
use super::page::Page;

pub(super) fn render(view: &View) -> String {
    let labels = [("engine", "0"), ("model_name", view.model_name.as_str())];
    let mut page = Page::new(&labels, view.started_unix);
    gauges(&mut page, view);
    counters(&mut page, view);
    histograms(&mut page, view);
    lora(&mut page, view);
    cache_config(&mut page, view);
    page.finish()
}

fn gauges(page: &mut Page, view: &View) {
    let load = &view.load;
    page.gauge(
        "vllm:num_requests_running",
        "Number of requests in model execution batches.",
        load.running as f64,
    );
    page.gauge(
        "vllm:num_requests_waiting",
        "Number of requests waiting to be processed.",
        load.waiting as f64,
    );
    page.gauge(
        "vllm:gpu_cache_usage_perc",
        "GPU KV-cache usage. 1 means 100 percent usage. DEPRECATED: Use vllm:kv_cache_usage_perc instead.",
        load.kv_usage,
    );
    page.gauge(
        "vllm:kv_cache_usage_perc",
        "KV-cache usage. 1 means 100 percent usage.",
        load.kv_usage,
    );
}

fn counters(page: &mut Page, view: &View) {
    let stats = &view.stats;
    page.counter(
        "vllm:prefix_cache_queries",
        "Prefix cache queries, in terms of number of queried tokens.",
        stats.prefix_cache_queries,
    );
    page.counter(
        "vllm:prefix_cache_hits",
        "Prefix cache hits, in terms of number of cached tokens.",
        stats.prefix_cache_hits,
    );
    page.counter("vllm:num_preemptions", "Cumulative number of preemption from the engine.", 0);
    page.counter("vllm:prompt_tokens", "Number of prefill tokens processed.", stats.prompt_tokens);
    page.counter(
        "vllm:generation_tokens",
        "Number of generation tokens processed.",
        stats.generation_tokens,
    );
    page.counters(
        "vllm:request_success",
        "Count of successfully processed requests.",
        &[
            ("finished_reason", "stop", stats.stopped),
            ("finished_reason", "length", stats.length_limited),
            ("finished_reason", "abort", stats.aborted),
        ],
    );
}

fn histograms(page: &mut Page, view: &View) {
    let stats = &view.stats;
    let histograms = [
        (
            "request_prompt_tokens",
            "Number of prefill tokens processed.",
            &stats.request_prompt_tokens,
        ),
        (
            "request_generation_tokens",
            "Number of generation tokens processed.",
            &stats.request_generation_tokens,
        ),
        ("request_params_n", "Histogram of the n request parameter.", &stats.request_params_n),
        (
            "request_params_max_tokens",
            "Histogram of the max_tokens request parameter.",
            &stats.request_params_max_tokens,
        ),
        (
            "time_to_first_token_seconds",
            "Histogram of time to first token in seconds.",
            &stats.time_to_first_token,
        ),
        (
            "time_per_output_token_seconds",
            "Histogram of time per output token in seconds. DEPRECATED: Use vllm:inter_token_latency_seconds instead.",
            &stats.inter_token_latency,
        ),
        (
            "inter_token_latency_seconds",
            "Histogram of inter-token latency in seconds.",
            &stats.inter_token_latency,
        ),
        (
            "e2e_request_latency_seconds",
            "Histogram of e2e request latency in seconds.",
            &stats.e2e_request_latency,
        ),
        (
            "request_queue_time_seconds",
            "Histogram of time spent in WAITING phase for request.",
            &stats.request_queue_time,
        ),
        (
            "request_inference_time_seconds",
            "Histogram of time spent in RUNNING phase for request.",
            &stats.request_inference_time,
        ),
        (
            "request_prefill_time_seconds",
            "Histogram of time spent in PREFILL phase for request.",
            &stats.request_prefill_time,
        ),
        (
            "request_decode_time_seconds",
            "Histogram of time spent in DECODE phase for request.",
            &stats.request_decode_time,
        ),
    ];
    for (name, help, histogram) in histograms {
        page.histogram(&format!("vllm:{name}"), help, histogram);
    }
}

fn lora(page: &mut Page, view: &View) {
    if view.limits.max_loras == 0 {
        return;
    }
    let max_lora = view.limits.max_loras.to_string();
    let series: Vec<_> = view
        .lora_series
        .iter()
        .map(|series| {
            let labels = vec![
                ("max_lora", max_lora.as_str()),
                ("running_lora_adapters", series.running.as_str()),
                ("waiting_lora_adapters", series.waiting.as_str()),
            ];
            (labels, series.seen)
        })
        .collect();
    page.gauges("vllm:lora_requests_info", "Running stats on lora requests.", &series);
    if view.lora_residency {
        let series: Vec<_> = view
            .adapters
            .iter()
            .map(|adapter| {
                let on_gpu = view.load.resident_adapters.contains(&adapter.name);
                let level = if on_gpu { "gpu" } else { "cpu" };
                (vec![("adapter_name", adapter.name.as_str()), ("level", level)], 1.0)
            })
            .collect();
        page.gauges("vllm:lora_adapter_loaded", "LoRA adapters that are loaded.", &series);
    }
}

fn cache_config(page: &mut Page, view: &View) {
    let block_size = view.limits.block_size.to_string();
    let blocks = view.limits.num_gpu_blocks.to_string();
    let labels = vec![
        ("block_size", block_size.as_str()),
        ("cache_dtype", "auto"),
        ("calculate_kv_scales", "False"),
        ("cpu_kvcache_space_bytes", "None"),
        ("cpu_offload_gb", "0"),
        ("enable_prefix_caching", "True"),
        ("engine", "0"),
        ("gpu_memory_utilization", "0.9"),
        ("is_attention_free", "False"),
        ("kv_sharing_fast_prefill", "False"),
        ("num_cpu_blocks", "None"),
        ("num_gpu_blocks", blocks.as_str()),
        ("num_gpu_blocks_override", "None"),
        ("prefix_caching_hash_algo", "sha256"),
        ("sliding_window", "None"),
        ("swap_space", "4"),
        ("swap_space_bytes", "4294967296"),
    ];
    page.gauges(
        "vllm:cache_config_info",
        "Information of the LLMEngine CacheConfig",
        &[(labels, 1.0)],
    );
}
