//! TensorRT-LLM's metrics: those of its own server and those of Triton.

use super::View;
use super::page::Page;

pub(super) fn render_serve(view: &View) -> String {
    let labels = [("engine_type", "undefined"), ("model_name", view.model_name.as_str())];
    let mut page = Page::new(&labels, view.started_unix);
    let gauges = [
        ("num_requests_running", "Number of requests running", view.load.running as f64),
        ("num_requests_waiting", "Number of requests waiting", view.load.waiting as f64),
        ("kv_cache_utilization", "KV cache utilization", view.load.kv_usage),
        ("kv_cache_tokens_per_block", "Tokens per KV cache block", view.limits.block_size as f64),
        ("kv_cache_max_blocks", "KV cache blocks", view.limits.num_gpu_blocks as f64),
    ];
    for (name, help, value) in gauges {
        page.gauge(&format!("trtllm_{name}"), help, value);
    }
    let histograms = [
        ("time_to_first_token", "Time to first token", &view.stats.time_to_first_token),
        ("time_per_output_token", "Time per output token", &view.stats.inter_token_latency),
        ("e2e_request_latency", "End to end request latency", &view.stats.e2e_request_latency),
        ("request_queue_time", "Time in the queue", &view.stats.request_queue_time),
    ];
    for (name, help, histogram) in histograms {
        page.histogram(&format!("trtllm_{name}_seconds"), help, histogram);
    }
    page.finish()
}

pub(super) fn render_triton(view: &View) -> String {
    let mut page = Page::new(&[], view.started_unix);
    let blocks = view.limits.num_gpu_blocks as f64;
    let used = view.kv_blocks_in_use();
    let scheduled = view.load.running as f64;
    let waiting = view.load.waiting as f64;
    let series = |label: &'static str, values: &[(&'static str, f64)]| {
        values
            .iter()
            .map(|(value, number)| {
                (vec![(label, *value), ("model", "tensorrt_llm"), ("version", "1")], *number)
            })
            .collect::<Vec<_>>()
    };
    page.gauges(
        "nv_trt_llm_request_metrics",
        "TRT LLM request metrics",
        &series(
            "request_type",
            &[
                ("waiting", waiting),
                ("context", 0.0),
                ("scheduled", scheduled),
                ("max", view.limits.max_num_seqs as f64),
                ("active", scheduled + waiting),
            ],
        ),
    );
    page.gauges(
        "nv_trt_llm_kv_cache_block_metrics",
        "TRT LLM KV cache block metrics",
        &series(
            "kv_cache_block_type",
            &[
                ("fraction", view.load.kv_usage),
                ("tokens_per", view.limits.block_size as f64),
                ("used", used),
                ("free", blocks - used),
                ("max", blocks),
            ],
        ),
    );
    page.finish()
}
