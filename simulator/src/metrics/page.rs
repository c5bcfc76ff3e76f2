//! Writes Prometheus' text format the way Python's `prometheus_client` does:
//! floats with a point, counters and histograms with a `_created` series.
//!
//! Invariant: a label's value is escaped, whatever a model is called.

use crate::engine::Histogram;
use std::fmt::Write;

/// A page in the making.
pub(super) struct Page {
    text: String,
    /// Labels of every series that asks for no others, rendered, by name.
    common: Vec<String>,
    /// The same, as one.
    labels: String,
    created: f64,
}

impl Page {
    pub fn new(labels: &[(&str, &str)], created: f64) -> Self {
        let mut common = rendered(labels);
        let labels = common.join(",");
        common.sort_unstable();
        Self { text: String::with_capacity(32 * 1024), common, labels, created }
    }

    pub fn finish(self) -> String {
        self.text
    }

    pub fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, help, "gauge");
        let labels = self.labels.clone();
        self.line(name, "", &labels, value);
    }

    /// A gauge with labels of its own per series.
    pub fn gauges(&mut self, name: &str, help: &str, series: &[(Vec<(&str, &str)>, f64)]) {
        self.head(name, help, "gauge");
        for (labels, value) in series {
            self.line(name, "", &rendered(labels).join(","), *value);
        }
    }

    /// `name` without `_total`.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.counters(name, help, &[("", "", value)]);
    }

    /// A counter with one more label: (label, its value, count) per series.
    pub fn counters(&mut self, name: &str, help: &str, series: &[(&str, &str, u64)]) {
        self.head(&format!("{name}_total"), help, "counter");
        let labels: Vec<String> = series.iter().map(|(key, val, _)| self.with(key, val)).collect();
        for ((_, _, value), labels) in series.iter().zip(&labels) {
            self.line(name, "_total", labels, *value as f64);
        }
        self.head(&format!("{name}_created"), help, "gauge");
        for labels in &labels {
            self.line(name, "_created", labels, self.created);
        }
    }

    pub fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.head(name, help, "histogram");
        for (bound, count) in histogram.buckets() {
            let bound = if bound.is_infinite() { "+Inf".to_owned() } else { format!("{bound:?}") };
            let labels = self.with("le", &bound);
            self.line(name, "_bucket", &labels, count as f64);
        }
        let labels = self.labels.clone();
        self.line(name, "_count", &labels, histogram.count() as f64);
        self.line(name, "_sum", &labels, histogram.sum());
        self.head(&format!("{name}_created"), help, "gauge");
        self.line(name, "_created", &labels, self.created);
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a string cannot fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn line(&mut self, name: &str, suffix: &str, labels: &str, value: f64) {
        let _ = if labels.is_empty() {
            writeln!(self.text, "{name}{suffix} {value:?}")
        } else {
            writeln!(self.text, "{name}{suffix}{{{labels}}} {value:?}")
        };
    }

    /// The common labels and one more, sorted by name as the client does.
    fn with(&self, key: &str, value: &str) -> String {
        if key.is_empty() {
            return self.labels.clone();
        }
        let own = pair(key, value);
        let place = self.common.partition_point(|common| *common < own);
        let mut labels = self.common.clone();
        labels.insert(place, own);
        labels.join(",")
    }
}

fn rendered(labels: &[(&str, &str)]) -> Vec<String> {
    labels.iter().map(|(key, value)| pair(key, value)).collect()
}

fn pair(key: &str, value: &str) -> String {
    let mut pair = format!("{key}=\"");
    for char in value.chars() {
        match char {
            '\\' => pair.push_str("\\\\"),
            '"' => pair.push_str("\\\""),
            '\n' => pair.push_str("\\n"),
            other => pair.push(other),
        }
    }
    pair.push('"');
    pair
}
