//! Reading a vLLM page: the picker does it for every endpoint of a pool, every 50 ms.
//!
//! Beside it `memchr` over the page's line ends, which no reader by lines can beat. The
//! page comes whole, as a host hands over a buffer, and in chunks of 4 KiB.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use shared::server_metrics::{MetricNames, MetricsReader, Reading, ServerKind};

const LABELS: &str = "engine=\"0\",model_name=\"meta-llama/Llama-3.1-8B-Instruct\"";

/// Families of vLLM 0.11 and how many buckets each has.
const HISTOGRAMS: [(&str, usize); 17] = [
    ("iteration_tokens_total", 12),
    ("request_prompt_tokens", 22),
    ("request_generation_tokens", 22),
    ("request_max_num_generation_tokens", 22),
    ("request_params_n", 6),
    ("request_params_max_tokens", 22),
    ("time_to_first_token_seconds", 23),
    ("time_per_output_token_seconds", 20),
    ("inter_token_latency_seconds", 20),
    ("request_time_per_output_token_seconds", 20),
    ("e2e_request_latency_seconds", 21),
    ("request_queue_time_seconds", 21),
    ("request_inference_time_seconds", 21),
    ("request_prefill_time_seconds", 21),
    ("request_decode_time_seconds", 21),
    ("kv_block_lifetime_seconds", 21),
    ("kv_block_idle_before_evict_seconds", 21),
];

/// A page like vLLM's: 12 gauges and counters, then histograms.
fn vllm_page() -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let mut gauge = |name: &str, labels: &str, value: f64| {
        let _ = write!(
            page,
            "# HELP vllm:{name} What it is about, in some words.\n\
             # TYPE vllm:{name} gauge\nvllm:{name}{{{labels}}} {value:?}\n"
        );
    };
    gauge("num_requests_running", LABELS, 12.0);
    gauge("num_requests_waiting", LABELS, 3.0);
    gauge("kv_cache_usage_perc", LABELS, 0.437_512);
    for name in ["prefix_cache_queries", "prefix_cache_hits", "num_preemptions", "prompt_tokens"] {
        gauge(&format!("{name}_total"), LABELS, 123_456.0);
        gauge(&format!("{name}_created"), LABELS, 1_795_226_914.347_576_6);
    }
    gauge(
        "lora_requests_info",
        "max_lora=\"4\",running_lora_adapters=\"food-review,sql\",waiting_lora_adapters=\"\"",
        1_795_226_914.3,
    );
    gauge(
        "cache_config_info",
        "block_size=\"16\",cache_dtype=\"auto\",engine=\"0\",num_gpu_blocks=\"27000\"",
        1.0,
    );
    for (name, buckets) in HISTOGRAMS {
        let _ = write!(
            page,
            "# HELP vllm:{name} Histogram of what it is about.\n# TYPE vllm:{name} histogram\n"
        );
        for bucket in 0..buckets {
            let bound = 0.001 * f64::from(1_u32 << bucket);
            let _ = writeln!(page, "vllm:{name}_bucket{{{LABELS},le=\"{bound}\"}} 4711.0");
        }
        let _ = writeln!(page, "vllm:{name}_bucket{{{LABELS},le=\"+Inf\"}} 4711.0");
        let _ = writeln!(page, "vllm:{name}_count{{{LABELS}}} 4711.0");
        let _ = writeln!(page, "vllm:{name}_sum{{{LABELS}}} 815.4711234567");
    }
    page
}

fn read(names: &MetricNames, page: &[u8], chunk: usize) -> Reading {
    let mut reader = MetricsReader::new(names);
    for chunk in page.chunks(chunk) {
        reader.feed(chunk);
    }
    reader.finish()
}

fn exposition(criterion: &mut Criterion) {
    let page = vllm_page();
    let page = page.as_bytes();
    let mut group = criterion.benchmark_group(format!("vllm page of {} bytes", page.len()));
    group.throughput(Throughput::Bytes(page.len() as u64));
    group.bench_function("line ends only", |bencher| {
        bencher.iter(|| memchr::memchr_iter(b'\n', black_box(page)).fold(0, |sum, at| sum ^ at));
    });
    for kind in [ServerKind::Vllm, ServerKind::Auto] {
        let names = MetricNames::new(kind);
        let reading = read(&names, page, page.len());
        assert_eq!((reading.found, reading.skipped_lines), (5, 0));
        assert_eq!(reading.metrics.waiting, Some(3));
        for (label, chunk) in [("whole", page.len()), ("in 4 KiB", 4096)] {
            group.bench_function(format!("{kind:?}, {label}"), |bencher| {
                bencher.iter_batched(
                    || (),
                    |()| read(black_box(&names), black_box(page), chunk),
                    BatchSize::SmallInput,
                );
            });
        }
    }
    group.finish();
}

criterion_group!(benches, exposition);
criterion_main!(benches);
