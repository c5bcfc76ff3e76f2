//! What an operator sees: log lines and metrics, and no word of a prompt in either.
//!
//! Every test has a gateway of its own, since it counts.

use gateway_tests::{Call, Gateway, Rest, Setup, Version, run};
use serde_json::{Value, json};

/// A word that is nowhere but in prompts.
const SECRET: &str = "tangerine-armadillo";

async fn start(plugin: Value) -> Gateway {
    let setup = Setup::guides().plugin(plugin).rest(Rest::Simulator);
    let keep = |manager: &mut serde_yaml_ng::Value| {
        manager["preserve_external_request_id"] = true.into();
    };
    Gateway::start(setup.connection_manager(keep)).await
}

fn form(parts: &[&str]) -> String {
    let parts = parts.iter().map(|name| {
        format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\nchatbot\r\n")
    });
    parts.collect::<String>() + "--b--\r\n"
}

#[test]
fn every_outcome_has_its_counter() {
    run(async {
        let gateway = start(json!({"serveModels": true, "maxBodyBytes": 1000})).await;
        let path = "/v1/completions";
        let multipart = |body: String| {
            let kind = "multipart/form-data; boundary=b";
            Call::post(path).header("content-type", kind).body(body)
        };
        for (outcome, call) in [
            ("passed", Call::json("/elsewhere", "{}")),
            ("passed", Call::post(path).header("content-type", "text/plain").body("x")),
            ("passed", Call::post(path).body("a=b")),
            ("base_model", Call::json(path, r#"{"model": "chatbot"}"#)),
            ("adapter", Call::json(path, r#"{"model": "english-bot"}"#)),
            ("unknown_model", Call::json(path, r#"{"model": "unheard-of"}"#)),
            ("missing_model", Call::json(path, "{}")),
            ("served_models", Call::get("/v1/models")),
            ("served_models", Call::get("/v1/models/chatbot")),
            ("rejected_unknown_model", Call::get("/v1/models/unheard-of")),
            ("malformed_json", Call::json(path, "{")),
            ("malformed_json", Call::json(path, "[]")),
            ("malformed_multipart", multipart("x".to_owned())),
            ("duplicate_model", Call::json(path, r#"{"model": "a", "model": "a"}"#)),
            ("duplicate_model", multipart(form(&["model", "model"]))),
            ("invalid_model", Call::json(path, r#"{"model": 1}"#)),
            ("invalid_model", Call::json(path, r#"{"model": " "}"#)),
            ("body_too_large", Call::json(path, "x".repeat(1001))),
            ("encoded_body", Call::json(path, "x").header("content-encoding", "gzip")),
        ] {
            let before = gateway.outcome(outcome);
            let total = total(&gateway);
            println!("{outcome}");
            gateway.send(call).await;
            gateway.wait_for_outcome(outcome, before + 1).await;
            assert_eq!(self::total(&gateway), total + 1, "{outcome}: one counter for a request");
        }
        gateway.check();
    });
}

#[test]
fn the_reject_options_have_their_counters() {
    run(async {
        let plugin = json!({"onUnknownModel": "reject", "onMissingModel": "reject"});
        let gateway = start(plugin).await;
        gateway.send(Call::json("/v1/completions", r#"{"model": "unheard-of"}"#)).await;
        gateway.wait_for_outcome("rejected_unknown_model", 1).await;
        gateway.send(Call::json("/v1/completions", "{}")).await;
        gateway.wait_for_outcome("rejected_missing_model", 1).await;
        assert_eq!(total(&gateway), 2);
    });
}

/// The sum of all outcomes.
fn total(gateway: &Gateway) -> u64 {
    let stats = gateway.stats();
    let counts = stats.lines().filter_map(|line| {
        let (_, count) = line.strip_prefix("wasmcustom.igw_bbr_requests.")?.split_once(": ")?;
        count.parse::<u64>().ok()
    });
    counts.sum()
}

#[test]
fn requests_are_counted_by_the_models_of_the_configuration_only() {
    run(async {
        let rewrites = json!([{"model": "alias", "targets": [{"model": "english-bot"}]}]);
        let gateway = start(json!({"modelRewrites": rewrites})).await;
        for model in ["chatbot", "unheard-of", "english-bot", "alias", "chatbot", "x.outcome.y"] {
            let body = json!({"model": model, "prompt": SECRET}).to_string();
            gateway.send(Call::json("/v1/completions", body)).await;
        }
        gateway.wait_for_outcome("unknown_model", 2).await;
        gateway.wait_for_outcome("base_model", 2).await;
        gateway.wait_for_outcome("adapter", 2).await;
        let count = |name: &str| gateway.counter(&format!("wasmcustom.{name}"));
        assert_eq!(count("igw_bbr_model_requests.model.chatbot"), 2);
        assert_eq!(count("igw_bbr_model_requests.model.english-bot"), 2);
        assert_eq!(count("igw_bbr_rewrites.model.alias"), 1);
        let llama = "igw_bbr_model_requests.model.meta-llama/Llama-3.1-8B-Instruct";
        assert!(gateway.stats().contains(llama), "counters are there from the start");
        for page in [gateway.stats(), gateway.envoy().admin_get("/stats/prometheus").unwrap()] {
            assert!(!page.contains("unheard-of"), "{page}");
            assert!(!page.contains("x.outcome.y"), "{page}");
            assert!(!page.contains(SECRET), "{page}");
        }
    });
}

#[test]
fn prometheus_gets_labels_and_histograms() {
    run(async {
        let gateway = start(json!({})).await;
        let body = json!({"model": "english-bot", "prompt": "x".repeat(5000)}).to_string();
        gateway.send(Call::json("/v1/completions", body)).await;
        gateway.wait_for_outcome("adapter", 1).await;
        let page = gateway.envoy().admin_get("/stats/prometheus").unwrap();
        let value = |name: &str, labels: &[&str]| {
            let line = page.lines().find(|line| {
                line.starts_with(name) && labels.iter().all(|label| line.contains(label))
            });
            let line = line.unwrap_or_else(|| panic!("no {name} with {labels:?} in:\n{page}"));
            line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()
        };
        let label = [r#"igw_outcome="adapter""#];
        assert_eq!(value("igw_bbr_requests{", &label), 1.0);
        let label = [r#"igw_model="english-bot""#];
        assert_eq!(value("igw_bbr_model_requests{", &label), 1.0);
        // A name with dots and a slash is one label.
        let label = [r#"igw_model="meta-llama/Llama-3.1-8B-Instruct""#];
        assert_eq!(value("igw_bbr_model_requests{", &label), 0.0);
        for name in ["igw_bbr_body_bytes", "igw_bbr_scan_microseconds"] {
            // Envoy merges its threads' histograms every few seconds.
            gateway_tests::eventually(name, || {
                let page = gateway.envoy().admin_get("/stats/prometheus").ok()?;
                let name = format!("{name}_count{{");
                let line = page.lines().find(|line| line.starts_with(&name))?;
                line.ends_with(" 1").then_some(())
            })
            .await;
        }
        let page = gateway.envoy().admin_get("/stats/prometheus").unwrap();
        let sum = page.lines().find(|line| line.starts_with("igw_bbr_body_bytes_sum"));
        let sum: f64 = sum.unwrap().rsplit_once(' ').unwrap().1.parse().unwrap();
        // Envoy's histograms keep two digits.
        assert!((4500.0..5600.0).contains(&sum), "{sum}");
    });
}

#[test]
fn the_configuration_is_one_info_line_per_thread() {
    run(async {
        let gateway = start(json!({"maxBodyBytes": 1234})).await;
        gateway.send(Call::json("/v1/completions", r#"{"model": "chatbot"}"#)).await;
        let log = gateway.envoy().log();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains("wasm log bbr")).collect();
        assert!(!lines.is_empty(), "{log}");
        for line in lines {
            assert!(line.contains("[info]"), "{line}");
            assert!(line.contains("6 base models, 5 adapters"), "{line}");
            assert!(line.contains("1234 bytes"), "{line}");
        }
    });
}

#[test]
fn a_refusal_is_one_warning_that_names_the_request() {
    run(async {
        let gateway = start(json!({})).await;
        let call = Call::json("/v1/completions", r#"{"model": 1}"#);
        gateway.send(call.header("x-request-id", "request-4711")).await;
        let log = gateway.envoy().log();
        let warnings: Vec<&str> =
            log.lines().filter(|l| l.contains("wasm log") && l.contains("[warning]")).collect();
        assert_eq!(warnings.len(), 1, "{warnings:#?}");
        assert!(warnings[0].contains("request-4711"), "{warnings:?}");
        assert!(warnings[0].contains("400 invalid_type"), "{warnings:?}");

        // A client cannot write lines of its own.
        let long = format!("evil\u{e9}{}", "x".repeat(1000));
        let call = Call::json("/v1/completions", r#"{"model": 1}"#);
        gateway.send(call.header("x-request-id", long.as_bytes())).await;
        let log = gateway.envoy().log();
        let last = log.lines().rfind(|line| line.contains("[warning]")).unwrap();
        assert!(last.contains("400 invalid_type") && last.len() < 500, "{last}");
        assert!(last.is_ascii(), "{last}");
    });
}

#[test]
fn no_log_line_quotes_a_prompt() {
    run(async {
        let plugin = json!({"onUnknownModel": "reject", "serveModels": true,
            "modelRewrites": [{"model": "alias", "targets": [{"model": "chatbot"}]}]});
        let gateway = start(plugin).await;
        let kind = "multipart/form-data; boundary=b";
        for body in [
            format!(r#"{{"model": "chatbot", "prompt": "{SECRET}"}}"#),
            format!(r#"{{"model": "alias", "prompt": "{SECRET}"}}"#),
            format!(r#"{{"model": "{SECRET}", "prompt": "{SECRET}"}}"#),
            format!(r#"{{"model": "chatbot", "prompt": "{SECRET}"#),
            format!(r#"{{"model": "chatbot", "prompt": "{SECRET}"}}{SECRET}"#),
            format!(r#"{{"model": "chatbot", {SECRET}: 1}}"#),
            format!(r#"{{"model": "{SECRET}\n"}}"#),
            format!(r#"{{"model": ["{SECRET}"]}}"#),
            format!(r#"{{"model": "a", "model": "{SECRET}"}}"#),
            SECRET.to_owned(),
        ] {
            for version in Version::BOTH {
                gateway.send_over(version, Call::json("/v1/completions", body.clone())).await;
                let call = Call::post("/v1/completions").header("content-type", kind);
                gateway.send_over(version, call.body(body.clone())).await;
                let part = format!(
                    "--b\r\ncontent-disposition: form-data; name=\"{SECRET}\"; \
                     filename=\"{SECRET}\"\r\n{SECRET}: {SECRET}\r\n\r\n{body}"
                );
                let call = Call::post("/v1/completions").header("content-type", kind);
                gateway.send_over(version, call.body(part)).await;
            }
        }
        let log = gateway.envoy().log();
        assert!(log.contains("[warning]"), "refusals are logged: {log}");
        assert!(!log.contains(SECRET), "{log}");
    });
}
