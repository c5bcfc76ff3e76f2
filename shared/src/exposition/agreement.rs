//! Property test: the reader and the `prometheus-parse` crate find the same samples.
//!
//! On pages of what that crate understands: names without colons, label values without
//! escapes and punctuation, no empty braces, no exemplars. Of a histogram it makes one
//! sample, so there are none.

use std::collections::BTreeMap;

use prometheus_parse::{Scrape, Value};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::{FamilyName, Reader, Wanted};

const NAMES: [&str; 5] = [
    "vllm_num_requests_waiting",
    "vllm_num_requests",
    "vllm_kv",
    "process_start_time_seconds",
    "up",
];

/// Before any time at which this runs, so that the crate's "now" for a missing
/// timestamp cannot be mistaken for one.
const LATEST: i64 = 1_000_000_000_000;

#[derive(Debug, PartialEq)]
struct Found {
    name: String,
    labels: BTreeMap<String, String>,
    value: String,
    timestamp: Option<i64>,
}

fn ours(names: &[&str], page: &str, chunk: usize) -> Vec<Found> {
    let wanted = Wanted::new(names.iter().map(|name| name.parse::<FamilyName>().expect(name)));
    let mut reader = Reader::new(&wanted);
    let mut found = Vec::new();
    let mut take = |sample: super::Sample<'_>| {
        found.push(Found {
            name: sample.name.to_owned(),
            labels: sample.labels().map(|(name, value)| (name.into(), value.into())).collect(),
            value: sample.value.to_string(),
            timestamp: sample.timestamp.map(|time| time as i64),
        });
    };
    for chunk in page.as_bytes().chunks(chunk) {
        reader.feed(chunk, &mut take);
    }
    reader.finish(&mut take);
    found
}

fn theirs(names: &[&str], page: &str) -> Vec<Found> {
    let lines = page.lines().map(|line| Ok(line.to_owned()));
    let scrape = Scrape::parse(lines).expect("lines cannot fail");
    let samples = scrape.samples.into_iter().filter(|sample| names.contains(&&*sample.metric));
    let found = samples.map(|sample| Found {
        name: sample.metric,
        labels: sample.labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        value: match sample.value {
            Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => {
                value.to_string()
            }
            other => panic!("no such samples were written: {other:?}"),
        },
        timestamp: Some(sample.timestamp.timestamp_millis()).filter(|time| *time < LATEST),
    });
    found.collect()
}

fn line() -> impl Strategy<Value = String> {
    let labels = btree_map("[a-z_]{1,6}", "[a-zA-Z0-9 /.:#{é-]{0,8}", 0..4);
    let value = prop_oneof![
        any::<f64>().prop_map(|value| format!("{value:?}")),
        any::<f64>().prop_map(|value| format!("{value:E}")),
        any::<u32>().prop_map(|value| value.to_string()),
        prop::sample::select(vec!["NaN", "+Inf", "-Inf", "nonsense"]).prop_map(str::to_owned),
    ];
    let time = prop::option::of(0..LATEST);
    let blank = prop::sample::select(vec![" ", "\t", "  "]);
    let sample = (prop::sample::select(&NAMES[..]), labels, any::<bool>(), value, time, blank)
        .prop_map(|(name, labels, comma, value, time, blank)| {
            let pairs: Vec<_> =
                labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
            let comma = if comma { "," } else { "" };
            let labels = match pairs.join(",") {
                none if none.is_empty() => none,
                pairs => format!("{{{pairs}{comma}}}"),
            };
            let time = time.map(|time| format!("{blank}{time}")).unwrap_or_default();
            format!("{name}{labels}{blank}{value}{time}")
        });
    prop_oneof![
        6 => sample,
        1 => prop::sample::select(&NAMES[..]).prop_map(|name| format!("# TYPE {name} gauge")),
        1 => prop::sample::select(&NAMES[..]).prop_map(|name| format!("# HELP {name} up 1")),
        1 => prop::sample::select(&NAMES[..]).prop_map(str::to_owned),
        1 => Just(String::new()),
        1 => Just("# up 1".to_owned()),
    ]
}

proptest! {
    #[test]
    fn the_reader_agrees_with_prometheus_parse(
        lines in vec((line(), prop::sample::select(vec!["\n", "\r\n"])), 0..16),
        names in prop::sample::subsequence(&NAMES[..], 0..=NAMES.len()),
        chunk in 1..200_usize,
    ) {
        let page: String = lines.into_iter().map(|(line, end)| line + end).collect();
        prop_assert_eq!(ours(&names, &page, chunk), theirs(&names, &page));
        let unended = page.trim_end();
        prop_assert_eq!(ours(&names, unended, chunk), theirs(&names, unended));
    }
}
