//! The dashboard's queries and the rules, asked of a Prometheus that scrapes a demo.
//!
//! Invariant: every query of every panel returns data under load, and so does every
//! recording rule and every metric that a rule names: a metric that is renamed fails here,
//! not on an operator's screen. Whether an alert fires at its threshold and not below, a
//! load cannot show within a minute: `promtool` does, on the series of `rules.test.yaml`, and
//! every alert is in it. Rejected: these series alone; they would go on having the old names.

use crate::daemon::Daemon;
use crate::demo::{self, Addresses};
use crate::project;
use crate::tools::on_path;
use anyhow::{Context, Result, bail, ensure};
use envoy_runner::free_ports;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

/// How long data may take to come: rules are evaluated every 15 s.
const PATIENCE: Duration = Duration::from_secs(90);

const MODELS: [&str; 4] =
    ["food-review-1", "meta-llama/Llama-3.1-8B-Instruct", "ski-resorts", "chatbot"];

/// Why the step cannot run here; none if it can.
pub(super) fn missing() -> Option<String> {
    let missing = ["prometheus", "promtool"].into_iter().find(|name| on_path(name).is_none())?;
    Some(format!("no {missing} on the PATH (Debian: apt-get install prometheus)"))
}

/// Asks every query.
pub(super) fn run() -> Result<()> {
    let folder = project::root().join("dashboards");
    let rules = folder.join("rules.yaml");
    promtool("check", &rules)?;
    let rule_text = fs::read_to_string(&rules)?;
    let tests = folder.join("rules.test.yaml");
    let untested = untested(&rule_text, &fs::read_to_string(&tests)?);
    ensure!(untested.is_empty(), "no test in rules.test.yaml: {}", untested.join(", "));
    promtool("test", &tests)?;
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(folder.join("grafana.json"))?)
        .context("grafana.json is not JSON")?;
    let mut queries = panels(&dashboard);
    ensure!(!queries.is_empty(), "the dashboard has no query");
    queries.extend(records(&rule_text).map(|name| (format!("rule {name}"), name.to_owned())));
    queries.extend(metrics(&rule_text).into_iter().map(|name| (format!("metric {name}"), name)));
    demo::beside(|addresses| {
        let prometheus = Prometheus::start(&rules, addresses.admin)?;
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            for n in 0..4 {
                let (addresses, stop) = (&addresses, &stop);
                scope.spawn(move || load(addresses, n, stop));
            }
            let outcome = all_have_data(&prometheus, &queries);
            stop.store(true, Ordering::Relaxed);
            outcome
        })
    })
}

fn all_have_data(prometheus: &Prometheus, queries: &[(String, String)]) -> Result<()> {
    let begin = Instant::now();
    let mut left: Vec<_> = queries.iter().collect();
    while begin.elapsed() < PATIENCE {
        sleep(Duration::from_secs(1));
        left.retain(|(_, query)| !prometheus.has_data(query).unwrap_or(false));
        if left.is_empty() {
            println!("{} queries have data", queries.len());
            return Ok(());
        }
    }
    // Asked once more, for what Prometheus says of them.
    let said = left.iter().map(|(name, query)| {
        let why = prometheus.has_data(query).err().map(|e| format!("{e:#}")).unwrap_or_default();
        format!("{name}: {query} {why}")
    });
    bail!("without data:\n  {}", said.collect::<Vec<_>>().join("\n  "))
}

/// The elements of a field that is a list.
fn list(value: &Value, name: &str) -> Vec<Value> {
    value.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
}

/// The dashboard's queries with their panels' titles, variables put in.
fn panels(dashboard: &Value) -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for panel in list(dashboard, "panels") {
        let title = panel.get("title").and_then(Value::as_str).unwrap_or_default().to_owned();
        for target in list(&panel, "targets") {
            let query = target.get("expr").and_then(Value::as_str).unwrap_or_default();
            let query = query.replace("$pool", ".*").replace("$__rate_interval", "30s");
            queries.push((format!("panel {title}"), query));
        }
    }
    queries
}

/// Has `promtool` check or test a file of rules.
fn promtool(what: &str, file: &Path) -> Result<()> {
    let status = Command::new("promtool").args([what, "rules"]).arg(file).status();
    ensure!(status.context("cannot run promtool")?.success(), "promtool {what} rules fails");
    Ok(())
}

/// The alerts of which no test says that they fire.
fn untested<'a>(rules: &'a str, tests: &str) -> Vec<&'a str> {
    let tests: Value = serde_yaml_ng::from_str(tests).unwrap_or_default();
    let cases = list(&tests, "tests").into_iter().flat_map(|test| list(&test, "alert_rule_test"));
    let fire = cases.filter(|case| !list(case, "exp_alerts").is_empty());
    let tested: BTreeSet<String> =
        fire.filter_map(|case| Some(case.get("alertname")?.as_str()?.to_owned())).collect();
    let alerts = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    alerts.filter(|alert| !tested.contains(*alert)).collect()
}

/// The names of the recording rules.
fn records(rules: &str) -> impl Iterator<Item = &str> {
    rules.lines().filter_map(|line| line.trim().strip_prefix("- record: "))
}

/// The gateway's metrics that rules name.
fn metrics(rules: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = rules
        .split(|c: char| !is_word(c))
        .filter(|word| word.starts_with("igw_picker_") || word.starts_with("igw_bbr_"));
    words.map(str::to_owned).collect()
}

fn load(addresses: &Addresses, n: usize, stop: &AtomicBool) {
    let model = MODELS.get(n % MODELS.len()).copied().unwrap_or_default();
    let body = serde_json::json!({"model": model, "prompt": "x", "max_tokens": 8}).to_string();
    while !stop.load(Ordering::Relaxed) {
        let sent = ureq::post(format!("{}/v1/completions", addresses.gateway))
            .header("content-type", "application/json")
            .send(&body);
        if sent.is_err() {
            sleep(Duration::from_millis(200));
        }
    }
}

/// A Prometheus; it ends with this value.
struct Prometheus {
    _daemon: Daemon,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    fn start(rules: &Path, admin: u16) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_ports(1)?.into_iter().next().context("a free port")?;
        let config = serde_json::json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [rules],
            "scrape_configs": [{
                "job_name": "envoy",
                "metrics_path": "/stats/prometheus",
                "static_configs": [{"targets": [format!("127.0.0.1:{admin}")]}],
            }],
        });
        // JSON is YAML.
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, config.to_string())?;
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let daemon = Daemon::start("prometheus", &mut command, folder.path())?;
        Ok(Self { _daemon: daemon, port, _folder: folder })
    }

    /// Whether a query returns a number.
    fn has_data(&self, query: &str) -> Result<bool> {
        let mut answer = ureq::get(format!("http://127.0.0.1:{}/api/v1/query", self.port))
            .query("query", query)
            .call()?;
        let answer: Value = serde_json::from_str(&answer.body_mut().read_to_string()?)?;
        let result = answer.pointer("/data/result").and_then(Value::as_array);
        let value = |one: &Value| one.pointer("/value/1")?.as_str()?.parse::<f64>().ok();
        Ok(result.into_iter().flatten().filter_map(value).any(|value| !value.is_nan()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_names_are_found() {
        let dashboard = serde_json::json!({"panels": [
            {"title": "row"},
            {"title": "a", "targets": [{"expr": "rate(x{p=~\"$pool\"}[$__rate_interval])"}]},
        ]});
        let query = "rate(x{p=~\".*\"}[30s])".to_owned();
        assert_eq!(panels(&dashboard), [("panel a".to_owned(), query)]);
        let rules = "  - record: igw:a:b\n    expr: sum(igw_picker_x) / igw_bbr_y[5m]\n";
        assert_eq!(records(rules).collect::<Vec<_>>(), ["igw:a:b"]);
        assert_eq!(metrics(rules).into_iter().collect::<Vec<_>>(), ["igw_bbr_y", "igw_picker_x"]);
    }
    #[test]
    fn an_alert_counts_as_tested_only_if_a_test_has_it_fire() {
        let rules = "  - alert: A\n  - alert: B\n  - alert: C\n";
        let tests = "tests: [{alert_rule_test: [
            {alertname: A, exp_alerts: [{exp_labels: {}}]}, {alertname: B, exp_alerts: []}]}]";
        assert_eq!(untested(rules, tests), ["B", "C"]);
    }
}
