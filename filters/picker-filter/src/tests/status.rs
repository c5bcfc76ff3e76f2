//! The status page over several VMs: who may see it, and what it shows.

use filter_host::Flow;
use serde_json::Value;
use shared::snapshot::encode;
use shared::status::{MAPPING_KEY, ModelMapping, OUTCOMES_KEY, RequestOutcomes, WANTED_KEY};

use super::world::{Process, Server, page};

const CONFIG: &str = r#"{"pools":[{"name":"p","endpoints":["10.0.0.1:8000","10.0.0.2:8000"]}],
    "models":[{"name":"bulk","criticality":"Sheddable"}],
    "status":{"route":"igw-status","header":{"name":"X-Ops","value":"secret"}}}"#;

const ASKED: [(&str, &str); 3] =
    [(":method", "GET"), (":path", "/status/api"), ("x-ops", "secret")];

fn process(vms: usize) -> Process {
    let process = Process::new(CONFIG, vms);
    process.serve("10.0.0.1:8000", Server::Page(page(9, 3, 0.9)));
    process.serve("10.0.0.2:8000", Server::Page(page(0, 1, 0.1)));
    process.set_route("igw-status");
    process
}

/// A request for the page, which leads to no pool.
fn ask(process: &Process, vm: usize, headers: &[(&str, &str)]) -> Flow {
    process.set_cluster("");
    let flow = process.request(vm, headers).on_headers();
    process.set_cluster("p");
    flow
}

fn view(process: &Process, vm: usize) -> Value {
    assert_eq!(ask(process, vm, &ASKED), Flow::Hold);
    let (status, headers, body) = process.page().expect("an answer");
    assert_eq!(status, 200);
    assert!(headers.contains(&("cache-control".to_owned(), "no-store".to_owned())));
    serde_json::from_slice(&body).expect("JSON")
}

#[test]
fn who_does_not_meet_what_is_required_finds_no_page() {
    let process = process(1);
    for headers in [
        &ASKED[..2],
        &[ASKED[0], ASKED[1], ("x-ops", "Secret")],
        &[ASKED[0], (":path", "/other"), ASKED[2]],
    ] {
        assert_eq!(ask(&process, 0, headers), Flow::Continue, "{headers:?}");
    }
    process.set_route("another");
    assert_eq!(ask(&process, 0, &ASKED), Flow::Continue, "another route");
    assert!(process.page().is_none());
    process.set_route("igw-status");
    let mut request = process.request(0, &ASKED);
    assert_eq!(request.on_headers(), Flow::Continue, "a request to a pool is never for the page");
    assert!(process.page().is_none());
}

#[test]
fn the_page_runs_only_what_it_brings_and_each_answer_has_its_own_nonce() {
    let process = process(1);
    let mut nonces = Vec::new();
    for _ in 0..2 {
        let headers = [ASKED[0], (":path", "/status"), ASKED[2]];
        assert_eq!(ask(&process, 0, &headers), Flow::Hold);
        let (status, headers, body) = process.page().expect("an answer");
        assert_eq!(status, 200);
        let policy = headers.iter().find(|(name, _)| name == "content-security-policy");
        let policy = &policy.expect("a policy").1;
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let nonce = policy.split("script-src 'nonce-").nth(1).and_then(|r| r.split('\'').next());
        let nonce = nonce.expect("a nonce").to_owned();
        let html = String::from_utf8(body).expect("text");
        assert_eq!(html.matches(&format!("nonce=\"{nonce}\"")).count(), 2);
        assert!(!html.contains("{{nonce}}") && html.len() < 60_000);
        for forbidden in [" style=\"", " onclick=", "src=\"", "http://www.w3.org/1999", "https:"] {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
        nonces.push(nonce);
    }
    assert_ne!(nonces[0], nonces[1]);
    let post = [(":method", "POST"), (":path", "/status"), ASKED[2]];
    assert_eq!(ask(&process, 0, &post), Flow::Hold);
    assert_eq!(process.page().expect("an answer").0, 405);
}

#[test]
fn any_worker_shows_what_all_did_and_never_a_prompt() {
    let mut process = process(3);
    process.run_for(1_000);
    let model = [("x-gateway-model-name", "lora"), ("x-gateway-base-model-name", "base")];
    for vm in [1, 1, 2] {
        let mut request = process.request(vm, &model);
        request.on_headers();
        process.set_upstream("10.0.0.2:8000", if vm == 2 { "500" } else { "200" });
        request.on_response_headers();
        request.on_done();
    }
    process.run_for(2_000);
    let view = view(&process, 0);
    let pool = &view["pools"][0];
    assert_eq!((&pool["name"], &pool["outcomes"]["picked"]), (&"p".into(), &3.into()));
    let second = &pool["endpoints"][1];
    assert_eq!((&second["minute"]["picks"], &second["minute"]["failures"]), (&3.into(), &1.into()));
    assert_eq!((&second["waiting"], &second["share"]), (&0.into(), &1.0.into()));
    assert_eq!(second["adapters"]["remembered"], serde_json::json!(["lora"]));
    assert_eq!(second["minute"]["ttftP50Ms"], 0.0);
    assert_eq!(view["workers"].as_array().map(Vec::len), Some(3));
    assert!(view["lease"]["holder"].is_string(), "{view}");
    let decisions = view["decisions"].as_array().expect("decisions");
    assert_eq!(decisions.len(), 3);
    for decision in decisions {
        assert_eq!((&decision["model"], &decision["adapter"]), (&"lora".into(), &true.into()));
        let best = &decision["candidates"][0];
        let parts = best["parts"].as_array().expect("parts");
        let sum = parts.iter().map(|part| {
            part["score"].as_f64().expect("a score") * part["weight"].as_f64().expect("a weight")
        });
        let made = sum.sum::<f64>() * (1.0 - best["trouble"].as_f64().expect("a number"));
        assert!((made - best["score"].as_f64().expect("a score")).abs() < 1e-4, "{best}");
    }
    assert_eq!(view["bbr"], Value::Null);
}

#[test]
fn refusals_and_failing_scrapes_are_shown_with_their_reasons() {
    let mut process = process(1);
    process.serve("10.0.0.2:8000", Server::Page(page(9, 3, 0.9)));
    process.run_for(1_000);
    let mut request = process.request(0, &[("x-gateway-model-name", "bulk")]);
    assert_eq!(request.on_headers(), Flow::Hold);
    process.serve("10.0.0.1:8000", Server::Page("nothing of use".to_owned()));
    process.run_for(8_000);
    let view = view(&process, 0);
    let decision = &view["decisions"][0];
    assert_eq!((&decision["reason"], &decision["model"]), (&"shed".into(), &"bulk".into()));
    assert_eq!(decision["candidates"], serde_json::json!([]));
    let why = view["pools"][0]["endpoints"][0]["why"].as_str().expect("why");
    assert!(why.contains("stale") && why.contains("no metrics in the answer"), "{why}");
}

#[test]
fn what_bbr_shares_is_asked_for_and_shown() {
    let mut process = process(1);
    process.run_for(1_000);
    assert!(process.shared(WANTED_KEY).is_some());
    let mut mapping = ModelMapping::default();
    let name = |name: &str| shared::models::ModelName::try_from(name.to_owned()).expect("a name");
    mapping.models.insert(name("lora"), Some(name("base")));
    process.share(MAPPING_KEY, encode(&mapping));
    let counts = [("adapter".into(), 7)].into();
    process.share(OUTCOMES_KEY, encode(&RequestOutcomes { counts }));
    let view = view(&process, 0);
    let expected = serde_json::json!({
        "models": [{"name": "lora", "base": "base"}], "outcomes": {"adapter": 7},
    });
    assert_eq!(view["bbr"], expected);
}

#[test]
fn without_a_page_nothing_is_shared_for_it() {
    let mut process = Process::new(r#"{"pools":[{"name":"p","endpoints":["10.0.0.1:8000"]}]}"#, 2);
    process.run_for(20_000);
    assert!(process.shared(WANTED_KEY).is_none());
    assert_eq!(ask(&process, 0, &ASKED), Flow::Continue);
}
