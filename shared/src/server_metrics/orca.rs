//! The load report in a response header, `endpoint-load-metrics`, of ORCA (Open Request
//! Cost Aggregation).
//!
//! A server sends it when the request has `endpoint-load-metrics-format: text` or
//! `json`:
//!
//! - `TEXT named_metrics.kv_cache_usage_perc=0.4, named_metrics.num_requests_waiting=1.0`
//! - `JSON {"named_metrics": {"kv_cache_usage_perc": 0.4, "num_requests_waiting": 1.0}}`
//!
//! vLLM sends these two metrics, of its first engine only, so a server of several
//! engines is better scraped. Triton sends `kv_cache_utilization`. What else ORCA has is
//! not about queues or KV caches and is ignored.
//!
//! Invariant: never fails. An entry that cannot be read is left out, a header that
//! cannot be read says nothing.

use serde_json::Value;

use super::ServerMetrics;
use super::gathered::sane;
use super::names::Field;

/// The longest header that is read, in bytes. Envoy takes 60 KiB of headers by default;
/// a report has a few hundred bytes.
pub const MAX_REPORT_BYTES: usize = 8 * 1024;

/// The response header.
pub const HEADER: &str = "endpoint-load-metrics";

/// The request header that asks for it.
pub const FORMAT_HEADER: &str = "endpoint-load-metrics-format";

/// Its value. In small letters: vLLM takes any, Triton only these.
pub const FORMAT: &str = "text";

/// Reads the header's value; `None` if it says nothing of use.
#[must_use]
pub fn read(header: &[u8]) -> Option<ServerMetrics> {
    let text = std::str::from_utf8(header).ok().filter(|text| text.len() <= MAX_REPORT_BYTES)?;
    let (format, report) = text.trim_start().split_once([' ', '\t'])?;
    let mut metrics = ServerMetrics::default();
    if format.eq_ignore_ascii_case("text") {
        read_text(report, &mut metrics);
    } else if format.eq_ignore_ascii_case("json") {
        read_json(report, &mut metrics);
    }
    (!metrics.is_empty()).then_some(metrics)
}

/// `name=value` or `name:value`, separated by commas; Envoy reads both.
fn read_text(report: &str, metrics: &mut ServerMetrics) {
    for entry in report.split(',') {
        let Some((name, value)) = entry.split_once(['=', ':']) else { continue };
        if let Some(name) = name.trim().strip_prefix("named_metrics.")
            && let Ok(value) = value.trim().parse()
        {
            put(metrics, name, value);
        }
    }
}

/// The load report message as JSON; protobuf allows both spellings of a field.
fn read_json(report: &str, metrics: &mut ServerMetrics) {
    let Ok(report) = serde_json::from_str::<Value>(report) else { return };
    let named = ["named_metrics", "namedMetrics"].into_iter().filter_map(|key| report.get(key));
    for (name, value) in named.filter_map(Value::as_object).flatten() {
        if let Some(value) = value.as_f64() {
            put(metrics, name, value);
        }
    }
}

fn put(metrics: &mut ServerMetrics, name: &str, value: f64) {
    let count = |field| sane(field, value).map(|value| value.round() as u32);
    match name {
        "num_requests_waiting" => metrics.waiting = count(Field::Waiting).or(metrics.waiting),
        "num_requests_running" => metrics.running = count(Field::Running).or(metrics.running),
        "kv_cache_usage_perc" | "gpu_cache_usage_perc" | "kv_cache_utilization" => {
            let usage = sane(Field::KvUsage, value).map(|usage| usage as f32);
            metrics.kv_usage = usage.or(metrics.kv_usage);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn load(waiting: Option<u32>, kv_usage: Option<f32>) -> Option<ServerMetrics> {
        Some(ServerMetrics { waiting, kv_usage, ..ServerMetrics::default() })
    }

    #[test]
    fn what_model_servers_send_is_read() {
        for header in [
            "TEXT named_metrics.kv_cache_usage_perc=0.25, named_metrics.num_requests_waiting=3.0",
            r#"JSON {"named_metrics": {"kv_cache_usage_perc": 0.25, "num_requests_waiting": 3.0}}"#,
        ] {
            assert_eq!(read(header.as_bytes()), load(Some(3), Some(0.25)), "{header}");
        }
        for header in [
            "TEXT named_metrics.kv_cache_utilization=0.250000, named_metrics.max_token_capacity=9",
            r#"JSON {"named_metrics":{"kv_cache_utilization":0.25,"max_token_capacity":9}}"#,
        ] {
            assert_eq!(read(header.as_bytes()), load(None, Some(0.25)), "{header}");
        }
    }

    #[test]
    fn everything_else_in_a_report_is_ignored() {
        for header in [
            "text cpu_utilization=0.3,named_metrics.num_requests_waiting:2,eps=1,utilization.x=9",
            "TEXT ,=,x,named_metrics.=1,named_metrics.num_requests_waiting=2,num_requests_waiting=7",
            "TEXT named_metrics.num_requests_waiting=2,named_metrics.kv_cache_usage_perc=NaN",
            "TEXT named_metrics.num_requests_waiting=2,named_metrics.num_requests_waiting=-1",
            "TEXT named_metrics.num_requests_waiting=2,named_metrics.kv_cache_usage_perc=full",
            r#"json {"cpu_utilization":0.3,"namedMetrics":{"num_requests_waiting":2,"x":[]}}"#,
            r#"JSON {"named_metrics":{"num_requests_waiting":2,"kv_cache_usage_perc":"0.5"}}"#,
            r#"JSON {"named_metrics":{"num_requests_waiting":2,"kv_cache_usage_perc":-1}}"#,
        ] {
            assert_eq!(read(header.as_bytes()), load(Some(2), None), "{header}");
        }
        let running =
            read(b"TEXT named_metrics.num_requests_running=4").expect("it says one thing");
        assert_eq!(running, ServerMetrics { running: Some(4), ..ServerMetrics::default() });
    }

    #[test]
    fn a_header_that_cannot_be_read_says_nothing() {
        let long = format!("TEXT named_metrics.num_requests_waiting=1{}", " ".repeat(9000));
        let deep = format!("JSON {}", "[".repeat(4000));
        for header in [
            "",
            "TEXT",
            "TEXT ",
            "JSON",
            "JSON {",
            "JSON []",
            "JSON {\"named_metrics\": 3}",
            "BIN CQAA",
            "named_metrics.num_requests_waiting=1",
            "XML named_metrics.num_requests_waiting=1",
            "TEXT {\"named_metrics\":{\"num_requests_waiting\":1}}",
            &long,
            &deep,
        ] {
            assert_eq!(read(header.as_bytes()), None, "{header}");
        }
        assert_eq!(read(b"TEXT named_metrics.num_requests_waiting=1\xff"), None);
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(
            prefix in prop::sample::select(vec!["", "TEXT ", "JSON ", "TEXT named_metrics."]),
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let metrics = read(&[prefix.as_bytes(), &bytes].concat()).unwrap_or_default();
            prop_assert!(metrics.kv_usage.is_none_or(|usage| (0.0..=1.0).contains(&usage)));
        }
    }
}
