//! What is read of the pages of each kind of server, whole and odd ones.

use proptest::collection::vec;
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::models::MAX_MODEL_NAME_BYTES;

const VLLM: &str = include_str!("pages/vllm.txt");
const SGLANG: &str = include_str!("pages/sglang.txt");
const TENSOR_RT_LLM: &str = include_str!("pages/trtllm.txt");
const TRITON: &str = include_str!("pages/triton.txt");

const KINDS: [ServerKind; 5] = [
    ServerKind::Auto,
    ServerKind::Vllm,
    ServerKind::Sglang,
    ServerKind::TensorRtLlm,
    ServerKind::Triton,
];

/// Reads the page whole and in small pieces; both must say the same.
fn read(names: &MetricNames, page: &str) -> Reading {
    let mut reader = MetricsReader::new(names);
    reader.feed(page.as_bytes());
    let whole = reader.finish();
    let mut reader = MetricsReader::new(names);
    page.as_bytes().chunks(13).for_each(|chunk| reader.feed(chunk));
    assert_eq!(reader.finish(), whole);
    whole
}

fn vllm(page: &str) -> ServerMetrics {
    read(&MetricNames::new(ServerKind::Vllm), page).metrics
}

fn text<'a>(names: impl IntoIterator<Item = &'a crate::models::ModelName>) -> Vec<&'a str> {
    names.into_iter().map(crate::models::ModelName::as_str).collect()
}

/// What the fixtures say, except of adapters.
fn expected() -> ServerMetrics {
    ServerMetrics {
        waiting: Some(2),
        running: Some(5),
        kv_usage: Some(0.375),
        block_size: Some(16),
        blocks: Some(27_000),
        adapters: None,
    }
}

#[test]
fn every_kind_of_server_is_read_by_its_preset_and_by_auto() {
    for (kind, page, families) in [
        (ServerKind::Vllm, VLLM, 7),
        (ServerKind::Sglang, SGLANG, 4),
        (ServerKind::TensorRtLlm, TENSOR_RT_LLM, 5),
        (ServerKind::Triton, TRITON, 2),
    ] {
        for names in [MetricNames::new(kind), MetricNames::default()] {
            let reading = read(&names, page);
            let metrics = ServerMetrics { adapters: None, ..reading.metrics };
            assert_eq!(metrics, expected(), "{kind:?}");
            assert_eq!((reading.found, reading.skipped_lines), (families, 0), "{kind:?}");
        }
        assert_eq!(MetricNames::new(kind).families(), families, "{kind:?}");
    }
}

#[test]
fn a_page_of_another_kind_says_nothing() {
    for (kind, page) in [(ServerKind::Vllm, SGLANG), (ServerKind::Triton, TENSOR_RT_LLM)] {
        let reading = read(&MetricNames::new(kind), page);
        assert!(reading.metrics.is_empty());
        assert_eq!((reading.found, reading.skipped_lines), (0, 0));
    }
    assert!(read(&MetricNames::default(), "").metrics.is_empty());
}

#[test]
fn all_names_of_the_presets_are_valid() {
    for preset in KINDS.into_iter().flat_map(ServerKind::presets) {
        let label = preset.label.map(|(name, value)| format!("{name}=\"{value}\""));
        let selector = format!("{}{{{}}}", preset.family, label.unwrap_or_default());
        selector.parse::<Selector>().expect(preset.family);
    }
}

#[test]
fn engines_of_one_server_count_together() {
    let page = "vllm:num_requests_waiting{engine=\"0\"} 3\nvllm:num_requests_waiting{engine=\"1\"} 4\n\
        vllm:num_requests_running{dp_rank=\"0\"} 1\nvllm:num_requests_running{dp_rank=\"1\"} 0\n\
        vllm:kv_cache_usage_perc{engine=\"0\"} 0.25\nvllm:kv_cache_usage_perc{engine=\"1\"} 0.75\n\
        vllm:kv_cache_usage_perc{engine=\"2\"} 0.5\n\
        vllm:cache_config_info{engine=\"0\",block_size=\"16\",num_gpu_blocks=\"90\"} 1\n\
        vllm:cache_config_info{engine=\"1\",block_size=\"16\",num_gpu_blocks=\"100\"} 1\n";
    let metrics = ServerMetrics {
        waiting: Some(7),
        running: Some(1),
        kv_usage: Some(0.75),
        block_size: Some(16),
        blocks: Some(100),
        adapters: None,
    };
    assert_eq!(vllm(page), metrics);
    let engines = |page| read(&MetricNames::new(ServerKind::Vllm), page).engines;
    assert_eq!(engines(page), 3, "as many as any metric shows");
    assert_eq!(
        engines("vllm:num_requests_waiting{engine=\"0\"} 3\nvllm:num_requests_running 1"),
        1
    );
    assert_eq!(engines("vllm:num_requests_waiting NaN"), 0);
}

#[test]
fn numbers_that_make_no_sense_are_missing() {
    let kv_usage = |value: &str| vllm(&format!("vllm:kv_cache_usage_perc {value}")).kv_usage;
    for (value, usage) in [
        ("0", Some(0.0)),
        ("1", Some(1.0)),
        ("1.5", Some(1.0)),
        ("95", Some(1.0)),
        ("1e300", Some(1.0)),
        ("-0.1", None),
        ("NaN", None),
        ("+Inf", None),
        ("-Inf", None),
    ] {
        assert_eq!(kv_usage(value), usage, "{value}");
    }
    assert!(kv_usage("-0").is_some_and(f32::is_sign_positive));
    let waiting = |value: &str| vllm(&format!("vllm:num_requests_waiting {value}")).waiting;
    for (value, count) in [
        ("0.0", Some(0)),
        ("1e3", Some(1000)),
        ("4294967296", Some(u32::MAX)),
        ("-1", None),
        ("NaN", None),
        ("+Inf", None),
    ] {
        assert_eq!(waiting(value), count, "{value}");
    }
    let config = |size: &str| {
        vllm(&format!("vllm:cache_config_info{{block_size=\"{size}\",num_gpu_blocks=\"8\"}} 1"))
    };
    for size in ["None", "0", "-1", "NaN", "", "16 "] {
        let metrics = config(size);
        assert_eq!((metrics.block_size, metrics.blocks), (None, Some(8)), "{size}");
    }
}

#[test]
fn a_broken_family_costs_only_itself() {
    let broken = VLLM.replace("vllm:num_requests_waiting{", "vllm:num_requests_waiting{,");
    let reading = read(&MetricNames::new(ServerKind::Vllm), &broken);
    assert_eq!(reading.skipped_lines, 1);
    let metrics = ServerMetrics { adapters: None, ..reading.metrics };
    assert_eq!(metrics, ServerMetrics { waiting: None, ..expected() });

    let page = "vllm:num_requests_waiting{engine=\"0\"} NaN\n\
        vllm:num_requests_waiting{engine=\"1\"} 4\nvllm:num_requests_running NaN";
    let metrics = vllm(page);
    assert_eq!((metrics.waiting, metrics.running), (Some(4), None));
}

#[test]
fn the_newer_name_of_the_kv_usage_counts_and_the_older_one_stands_in() {
    let older = "vllm:gpu_cache_usage_perc 0.75\n";
    assert_eq!(vllm(older).kv_usage, Some(0.75));
    assert_eq!(vllm(&format!("{older}vllm:kv_cache_usage_perc 0.5")).kv_usage, Some(0.5));
    assert_eq!(vllm(&format!("{older}vllm:kv_cache_usage_perc NaN")).kv_usage, Some(0.75));
}

#[test]
fn the_lora_series_with_the_largest_value_is_current() {
    let adapters = vllm(VLLM).adapters.expect("on the page");
    assert_eq!(adapters.max, Some(2));
    assert_eq!(text(&adapters.running), ["food-review-1"]);
    assert_eq!(text(&adapters.waiting), ["movie-critique"]);
    let loaded: Vec<_> =
        adapters.loaded.iter().map(|loaded| (loaded.name.as_str(), loaded.level)).collect();
    let expected = [("food-review-1", AdapterLevel::Gpu), ("movie-critique", AdapterLevel::Cpu)];
    assert_eq!(loaded, expected);

    let line = |running: &str, value: &str| {
        format!("vllm:lora_requests_info{{running_lora_adapters=\"{running}\"}} {value}\n")
    };
    for (values, current) in [
        (["1", "2", "3"], "c"),
        (["3", "2", "1"], "a"),
        (["1.7952269154298189e9", "1.7952269154455116e9", "1"], "b"),
        (["NaN", "-1", "+Inf"], "b"),
        // Two at once: the later line.
        (["2", "1", "2"], "c"),
    ] {
        let page: String = ["a", "b", "c"].iter().zip(values).map(|(a, v)| line(a, v)).collect();
        let adapters = vllm(&page).adapters.expect("on the page");
        assert_eq!(text(&adapters.running), [current], "{values:?}");
        assert_eq!((adapters.max, adapters.waiting, adapters.loaded), (None, vec![], vec![]));
    }
    assert_eq!(vllm(&line("a", "NaN")).adapters, None);
}

#[test]
fn lists_of_adapters_are_sorted_bounded_and_free_of_nonsense() {
    let long = "x".repeat(MAX_MODEL_NAME_BYTES + 1);
    let longest = "y".repeat(MAX_MODEL_NAME_BYTES);
    let page = format!(
        "vllm:lora_requests_info{{max_lora=\"many\",running_lora_adapters=\" b,a,, b ,{long},{longest},c\\nd\",\
         waiting_lora_adapters=\"\"}} 1"
    );
    let adapters = vllm(&page).adapters.expect("on the page");
    assert_eq!(text(&adapters.running), ["a", "b", longest.as_str()]);
    assert_eq!((adapters.max, adapters.waiting), (None, vec![]));

    let many: Vec<String> = (0..1000).map(|n| format!("a{n}")).collect();
    let series: String = many
        .iter()
        .map(|name| {
            format!("vllm:lora_adapter_loaded{{adapter_name=\"{name}\",level=\"gpu\"}} 1\n")
        })
        .collect();
    let list = many.join(",");
    let page = format!("vllm:lora_requests_info{{waiting_lora_adapters=\"{list}\"}} 1\n{series}");
    let adapters = vllm(&page).adapters.expect("on the page");
    assert_eq!(adapters.waiting.len(), MAX_LISTED_ADAPTERS);
    assert!(adapters.waiting.is_sorted());
    assert_eq!(adapters.loaded.len(), MAX_LISTED_ADAPTERS);
}

#[test]
fn an_adapter_counts_as_loaded_at_its_fastest_level_and_not_at_zero() {
    let loaded = |lines: &[(&str, &str, &str)]| {
        let page: String = lines
            .iter()
            .map(|(name, level, value)| {
                format!("vllm:lora_adapter_loaded{{adapter_name=\"{name}\",level=\"{level}\"}} {value}\n")
            })
            .collect();
        let adapters = vllm(&page).adapters.expect("on the page");
        adapters.loaded.iter().map(|l| (l.name.to_string(), l.level)).collect::<Vec<_>>()
    };
    let (gpu, cpu) = (AdapterLevel::Gpu, AdapterLevel::Cpu);
    let both = [("b", "cpu", "1"), ("a", "gpu", "1"), ("a", "cpu", "1"), ("b", "gpu", "1")];
    assert_eq!(loaded(&both), [("a".to_owned(), gpu), ("b".to_owned(), gpu)]);
    let gone = [("a", "gpu", "0"), ("a", "cpu", "1"), ("b", "cpu", "NaN"), ("c", "disk", "1")];
    assert_eq!(loaded(&gone), [("a".to_owned(), cpu)]);
    assert_eq!(loaded(&[("a", "gpu", "0")]), []);
}

#[test]
fn metrics_of_ones_own_replace_those_of_the_preset() {
    let select = |text: &str| text.parse::<Selector>().expect(text);
    let names = MetricNames::new(ServerKind::Vllm)
        .with(Metric::Waiting, select("queue{state=\"waiting\",tier=\"\"}"))
        .with(Metric::Running, select("queue{state=running}"))
        .with(Metric::KvUsage, select("kv"))
        .with(Metric::CacheInfo, select("cache"))
        .with(Metric::Blocks, select("blocks"));
    let page = "queue{state=\"waiting\",shard=\"a\"} 1\nqueue{shard=\"b\",state=\"waiting\"} 2\n\
        queue{state=\"waiting\",tier=\"low\"} 100\nqueue{state=\"running\"} 4\nqueue 200\n\
        kv 0.5\ncache{page_size=\"32\",num_pages=\"7\"} 1\nblocks 9\n\
        vllm:num_requests_waiting 50\nvllm:gpu_cache_usage_perc 0.9\n\
        vllm:cache_config_info{block_size=\"16\",num_gpu_blocks=\"1\"} 1\n\
        vllm:lora_requests_info{max_lora=\"2\"} 1";
    let reading = read(&names, page);
    let metrics = ServerMetrics {
        waiting: Some(3),
        running: Some(4),
        kv_usage: Some(0.5),
        block_size: Some(32),
        blocks: Some(9),
        adapters: Some(AdapterMetrics { max: Some(2), ..AdapterMetrics::default() }),
    };
    assert_eq!(reading.metrics, metrics);
    // Also the residency metric is looked for, and not there.
    assert_eq!((reading.found, names.families()), (5, 6));
}

#[test]
fn kinds_have_the_names_of_the_configuration() {
    let names = ["auto", "vllm", "sglang", "tensorrt-llm", "triton"];
    for (name, kind) in names.into_iter().zip(KINDS) {
        let read: ServerKind = serde_json::from_value(name.into()).expect(name);
        assert_eq!(read, kind);
    }
}

#[test]
fn an_update_replaces_only_what_it_says() {
    let mut metrics = vllm(VLLM);
    let adapters = metrics.adapters.clone();
    metrics.update(ServerMetrics { waiting: Some(0), ..ServerMetrics::default() });
    assert_eq!(metrics, ServerMetrics { waiting: Some(0), adapters, ..expected() });
}

proptest! {
    #[test]
    fn numbers_are_usable_whatever_the_page(
        lines in vec((
            prop::sample::select(vec![
                "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc", "sglang:token_usage",
                "trtllm_kv_cache_max_blocks", "vllm:lora_requests_info{max_lora=\"3\"}",
                "vllm:cache_config_info{block_size=\"-4\"}",
            ]),
            prop_oneof![any::<f64>().prop_map(|value| value.to_string()), any::<String>()],
        ), 0..20),
    ) {
        let page: String = lines.iter().map(|(name, value)| format!("{name} {value}\n")).collect();
        let metrics = read(&MetricNames::default(), &page).metrics;
        prop_assert!(metrics.kv_usage.is_none_or(|usage| (0.0..=1.0).contains(&usage)));
        prop_assert!(metrics.blocks.is_none_or(|blocks| blocks > 0));
        prop_assert!(metrics.block_size.is_none());
    }
}
