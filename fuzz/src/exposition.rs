//! The reader of metrics pages.
//!
//! Claims: where a page is cut changes nothing; a page reads as its lines do one by one,
//! so no line hides or changes another; and what a page adds up to can be used as it is.

use shared::exposition::{FamilyName, MAX_LINE_BYTES, Reader, Sample, Wanted};
use shared::models::MAX_MODEL_NAME_BYTES;
use shared::server_metrics::{
    MAX_LISTED_ADAPTERS, MetricNames, MetricsReader, Reading, ServerKind,
};

use crate::cuts::cuts;

/// One is the start of another; one is short, one has no colon.
const FAMILIES: [&str; 5] =
    ["vllm:num_requests_waiting", "vllm:num", "up", "vllm:lora_requests_info", "a_total"];

/// Panics if the bytes show a bug.
pub fn check(page: &[u8]) {
    let families = FAMILIES.iter().filter_map(|name| name.parse::<FamilyName>().ok());
    let wanted = Wanted::new(families);
    let names = MetricNames::new(ServerKind::Auto);
    let whole = read(&wanted, &[page]);
    let summed = sum(&names, &[page]);
    check_sums(&summed);
    for cut in cuts(page) {
        assert_eq!(read(&wanted, &cut), whole, "cut {cut:?}");
        // As text: numbers may be NaN, and no NaN is equal to itself.
        assert_eq!(format!("{:?}", sum(&names, &cut)), format!("{summed:?}"), "cut {cut:?}");
    }
    let mut one_by_one = (Vec::new(), 0);
    for line in page.split(|byte| *byte == b'\n') {
        let (samples, skipped) = read(&wanted, &[line]);
        one_by_one.0.extend(samples);
        one_by_one.1 += skipped;
        assert!(line.len() <= MAX_LINE_BYTES || one_by_one.0.len() < page.len());
    }
    assert_eq!(one_by_one, whole, "line by line");
}

/// The samples as text, and how many lines could not be read.
fn read(wanted: &Wanted, chunks: &[&[u8]]) -> (Vec<String>, u32) {
    let mut reader = Reader::new(wanted);
    let mut samples = Vec::new();
    let mut take = |sample: Sample<'_>| {
        assert_eq!(wanted.names()[sample.family].as_str(), sample.name);
        assert!(sample.timestamp.is_none_or(f64::is_finite));
        let labels: Vec<_> = sample.labels().collect();
        samples
            .push(format!("{} {labels:?} {:?} {:?}", sample.name, sample.value, sample.timestamp));
    };
    for chunk in chunks {
        reader.feed(chunk, &mut take);
    }
    let skipped = reader.finish(&mut take);
    (samples, skipped)
}

fn sum(names: &MetricNames, chunks: &[&[u8]]) -> Reading {
    let mut reader = MetricsReader::new(names);
    for chunk in chunks {
        reader.feed(chunk);
    }
    reader.finish()
}

fn check_sums(reading: &Reading) {
    let metrics = &reading.metrics;
    assert!(metrics.kv_usage.is_none_or(|usage| (0.0..=1.0).contains(&usage)), "{metrics:?}");
    assert!(metrics.block_size.is_none_or(|size| size > 0), "{metrics:?}");
    assert!(metrics.blocks.is_none_or(|blocks| blocks > 0), "{metrics:?}");
    let Some(adapters) = &metrics.adapters else { return };
    for list in [&adapters.running, &adapters.waiting] {
        assert!(list.len() <= MAX_LISTED_ADAPTERS);
        assert!(list.iter().all(|name| name.as_str().len() <= MAX_MODEL_NAME_BYTES));
    }
    assert!(adapters.loaded.len() <= MAX_LISTED_ADAPTERS);
}
