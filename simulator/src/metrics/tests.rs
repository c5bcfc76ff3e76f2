//! The pages, as a reader of them sees them.

use super::*;
use crate::config::Config;
use crate::engine::{Finish, Job};
use std::collections::BTreeMap;

fn busy(adapter: Option<&str>) -> (std::sync::Arc<Driver>, Vec<crate::driver::Run>) {
    let config = Config { max_num_seqs: 1, num_gpu_blocks: 10, ..Config::default() };
    let driver = Driver::new(config.engine());
    let job = Job {
        adapter: adapter.map(str::to_owned),
        prompt_tokens: 20,
        output_tokens: 5,
        blocks: Vec::new(),
        finish: Finish::Length,
        max_tokens_param: Some(5),
    };
    let runs = (0..3).map(|_| driver.submit(job.clone()).unwrap()).collect();
    (driver, runs)
}

fn series(page: &str) -> BTreeMap<&str, f64> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name, value.parse().unwrap())
        })
        .collect()
}

fn view(driver: &Driver) -> View {
    View::new(driver, "a\"b", vec!["x".into(), "y".into()], true)
}

#[tokio::test(start_paused = true)]
async fn vllms_page_shows_load_cache_and_adapters() {
    let (driver, runs) = busy(Some("x"));
    let page = render(MetricsFlavor::Vllm, &view(&driver));
    let values = series(&page);
    let labels = r#"{engine="0",model_name="a\"b"}"#;
    for (name, value) in [
        ("num_requests_running", 1.0),
        ("num_requests_waiting", 2.0),
        ("kv_cache_usage_perc", 0.2),
        ("gpu_cache_usage_perc", 0.2),
        ("prompt_tokens_total", 20.0),
        ("e2e_request_latency_seconds_count", 0.0),
    ] {
        assert_eq!(values.get(format!("vllm:{name}{labels}").as_str()), Some(&value), "{name}");
    }
    let current = values
        .iter()
        .filter(|(name, _)| name.starts_with("vllm:lora_requests_info"))
        .max_by(|one, two| one.1.total_cmp(two.1))
        .unwrap();
    assert_eq!(
        *current.0,
        r#"vllm:lora_requests_info{max_lora="2",running_lora_adapters="x",waiting_lora_adapters="x"}"#
    );
    assert!(page.contains(r#"vllm:lora_adapter_loaded{adapter_name="x",level="gpu"} 1.0"#));
    assert!(page.contains(r#"vllm:lora_adapter_loaded{adapter_name="y",level="cpu"} 1.0"#));
    assert!(page.contains(r#"vllm:cache_config_info{block_size="16","#));
    assert!(page.contains(r#"num_gpu_blocks="10""#));
    drop(runs);
    let after = render(MetricsFlavor::Vllm, &view(&driver));
    assert!(after.contains(&format!("vllm:num_requests_running{labels} 0.0")));
    let aborted =
        r#"vllm:request_success_total{engine="0",finished_reason="abort",model_name="a\"b"} 3.0"#;
    assert!(after.contains(aborted), "{after}");
}

#[tokio::test(start_paused = true)]
async fn a_finished_request_is_in_every_histogram_of_its_kind() {
    let (driver, mut runs) = busy(None);
    runs.truncate(1);
    runs[0].prefilled().await.unwrap();
    runs[0].complete().await.unwrap();
    let page = render(MetricsFlavor::Vllm, &view(&driver));
    let values = series(&page);
    for (name, count) in [
        ("time_to_first_token_seconds", 1.0),
        ("inter_token_latency_seconds", 4.0),
        ("time_per_output_token_seconds", 4.0),
        ("e2e_request_latency_seconds", 1.0),
        ("request_queue_time_seconds", 1.0),
        ("request_prefill_time_seconds", 1.0),
        ("request_decode_time_seconds", 1.0),
        ("request_inference_time_seconds", 1.0),
        ("request_prompt_tokens", 1.0),
        ("request_generation_tokens", 1.0),
        ("request_params_max_tokens", 1.0),
    ] {
        let labels = r#"{engine="0",model_name="a\"b"}"#;
        let series = format!("vllm:{name}_count{labels}");
        assert_eq!(values.get(series.as_str()), Some(&count), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_other_servers_pages_have_the_families_a_picker_reads() {
    let (driver, _runs) = busy(None);
    let expected: [(MetricsFlavor, &[&str]); 3] = [
        (
            MetricsFlavor::Sglang,
            &[
                "sglang:num_queue_reqs{engine_type=\"unified\",model_name=\"a\\\"b\",pp_rank=\"0\",tp_rank=\"0\"} 2.0",
                "sglang:num_running_reqs{engine_type=\"unified\",model_name=\"a\\\"b\",pp_rank=\"0\",tp_rank=\"0\"} 1.0",
                "sglang:token_usage{engine_type=\"unified\",model_name=\"a\\\"b\",pp_rank=\"0\",tp_rank=\"0\"} 0.2",
                "sglang:cache_config_info{num_pages=\"10\",page_size=\"16\"} 1.0",
            ],
        ),
        (
            MetricsFlavor::Trtllm,
            &["trtllm_num_requests_waiting{", "trtllm_kv_cache_tokens_per_block{"],
        ),
        (
            MetricsFlavor::Triton,
            &[
                "nv_trt_llm_request_metrics{request_type=\"waiting\",model=\"tensorrt_llm\",version=\"1\"} 2.0",
                "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=\"fraction\",model=\"tensorrt_llm\",version=\"1\"} 0.2",
            ],
        ),
    ];
    for (flavor, lines) in expected {
        let page = render(flavor, &view(&driver));
        for line in lines {
            assert!(page.contains(line), "{line}\n{page}");
        }
    }
}
