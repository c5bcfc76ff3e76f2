//! SGLang's metrics: fewer families, other names, pages instead of blocks.

use super::View;
use super::page::Page;

pub(super) fn render(view: &View) -> String {
    let labels = [
        ("engine_type", "unified"),
        ("model_name", view.model_name.as_str()),
        ("pp_rank", "0"),
        ("tp_rank", "0"),
    ];
    let mut page = Page::new(&labels, view.started_unix);
    let (load, stats) = (&view.load, &view.stats);
    let used = view.kv_blocks_in_use() * view.limits.block_size as f64;
    let queried = stats.prefix_cache_queries.max(1) as f64;
    let hit_rate = stats.prefix_cache_hits as f64 / queried;
    let gauges = [
        ("num_running_reqs", "The number of running requests.", load.running as f64),
        ("num_used_tokens", "The number of used tokens.", used),
        ("token_usage", "The token usage.", load.kv_usage),
        ("num_queue_reqs", "The number of requests in the waiting queue.", load.waiting as f64),
        ("cache_hit_rate", "The prefix cache hit rate.", hit_rate),
        (
            "max_total_num_tokens",
            "Maximum total number of tokens in the KV cache pool.",
            view.kv_tokens() as f64,
        ),
    ];
    for (name, help, value) in gauges {
        page.gauge(&format!("sglang:{name}"), help, value);
    }
    let counters = [
        ("prompt_tokens", "Number of prefill tokens processed.", stats.prompt_tokens),
        ("generation_tokens", "Number of generation tokens processed.", stats.generation_tokens),
        ("cached_tokens", "Number of cached prompt tokens.", stats.prefix_cache_hits),
        ("num_requests", "Number of requests processed.", stats.stopped + stats.length_limited),
        ("num_aborted_requests", "Number of requests aborted.", stats.aborted),
    ];
    for (name, help, value) in counters {
        page.counter(&format!("sglang:{name}"), help, value);
    }
    let histograms = [
        ("time_to_first_token", "Histogram of time to first token.", &stats.time_to_first_token),
        ("inter_token_latency", "Histogram of inter-token latency.", &stats.inter_token_latency),
        (
            "e2e_request_latency",
            "Histogram of End-to-end request latency.",
            &stats.e2e_request_latency,
        ),
        ("queue_time", "Histogram of queueing time.", &stats.request_queue_time),
    ];
    for (name, help, histogram) in histograms {
        page.histogram(&format!("sglang:{name}_seconds"), help, histogram);
    }
    let (size, pages) =
        (view.limits.block_size.to_string(), view.limits.num_gpu_blocks.to_string());
    let labels = vec![("num_pages", pages.as_str()), ("page_size", size.as_str())];
    page.gauges("sglang:cache_config_info", "Information of the cache config.", &[(labels, 1.0)]);
    page.finish()
}
