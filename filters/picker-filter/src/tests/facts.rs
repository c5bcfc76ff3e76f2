//! What BBR tells the picker of a prompt.

use shared::prompt::RequestFacts;

use super::world::{Process, Server, page};

const ENDPOINT: &str = "10.0.0.1:8000";

fn process(more: &str) -> Process {
    let config =
        format!(r#"{{"pools":[{{"name":"p","endpoints":["{ENDPOINT}"]}}],"explain":true{more}}}"#);
    let mut process = Process::new(&config, 1);
    process.serve(ENDPOINT, Server::Page(page(0, 1, 0.1)));
    process.run_for(1_000);
    process
}

fn explained(process: &Process) -> String {
    let mut request = process.request(0, &[]);
    request.on_headers();
    process.set_upstream(ENDPOINT, "200");
    request.on_response_headers();
    request.on_done();
    process.response_header("x-gateway-picker").expect("an explanation")
}

fn facts() -> Vec<u8> {
    let chain = (1..=5).map(|n: u64| n << 32).collect();
    let (prompt_tokens, block_tokens, max_tokens) = (99, 16, None);
    RequestFacts {
        prompt_bytes: 400,
        prompt_tokens,
        block_tokens,
        max_tokens,
        stream: false,
        user: None,
        chain,
    }
    .encode()
}

#[test]
fn facts_are_taken_and_explained_where_they_are_wanted() {
    let process = process(r#","requestFacts":true"#);
    process.set_facts(&facts());
    let text = explained(&process);
    assert!(
        text.contains("; tokens=99; blocks=5; prefix=00000001.00000002.00000004; candidates="),
        "{text}"
    );
    assert_eq!(process.facts_asked(), 1);
}

#[test]
fn facts_that_are_not_wanted_are_not_asked_for() {
    let process = process("");
    process.set_facts(&facts());
    assert!(!explained(&process).contains("tokens="));
    assert_eq!(process.facts_asked(), 0);
}

#[test]
fn without_facts_or_with_those_of_another_release_requests_are_picked_for_as_ever() {
    let process = process(r#","requestFacts":true"#);
    for told in [None, Some(&b""[..]), Some(b"\x09rest"), Some(&facts()[..9])] {
        told.into_iter().for_each(|told| process.set_facts(told));
        let text = explained(&process);
        assert!(text.contains("why=picked;") && !text.contains("tokens="), "{text}");
    }
}

/// A pool of equally busy servers, picked among by what was sent where alone.
fn equally_busy(servers: usize, workers: usize) -> Process {
    let endpoints: Vec<_> = (1..=servers).map(|n| format!("10.0.0.{n}:8000")).collect();
    let config = serde_json::json!({
        "pools": [{
            "name": "p",
            "endpoints": endpoints,
            "scorers": [{"name": "prefix-cache-scorer"}],
        }],
        "requestFacts": true,
    });
    let process = Process::new(&config.to_string(), workers);
    for endpoint in &endpoints {
        process.serve(endpoint, Server::Page(page(0, 1, 0.1)));
    }
    process
}

#[test]
fn a_prompt_goes_where_another_worker_sent_its_beginning() {
    let mut process = equally_busy(8, 2);
    process.run_for(2_000);
    let picked = |process: &Process, vm: usize| {
        let mut request = process.request(vm, &[]);
        request.on_headers();
        let destination = process.header("x-gateway-destination-endpoint").expect("picked");
        destination.split(',').next().map(str::to_owned)
    };
    // Only a worker that serves hears.
    picked(&process, 1);
    process.set_facts(&facts());
    let first = picked(&process, 0);
    process.run_for(1_200);
    assert_eq!(picked(&process, 1), first);
}

#[test]
fn a_prompt_goes_where_its_beginning_went() {
    let mut process = equally_busy(4, 1);
    process.run_for(1_000);
    process.set_facts(&facts());
    let picked = || {
        let mut request = process.request(0, &[]);
        request.on_headers();
        let destination = process.header("x-gateway-destination-endpoint");
        destination.expect("picked").split(',').next().map(str::to_owned)
    };
    let first = picked();
    for _ in 0..10 {
        assert_eq!(picked(), first);
    }
}
