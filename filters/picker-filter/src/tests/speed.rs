//! What first tokens teach of how fast servers compute prompts.

use shared::prompt::RequestFacts;

use super::world::{PickerRequest, Process, Server, TICK_MS, page};

const ENDPOINT: &str = "10.0.0.1:8000";
const OTHER: &str = "10.0.0.2:8000";

/// Milliseconds to the first token of a prompt.
const SLOW: u64 = 900;

fn process(scorer: &str) -> Process {
    process_of(scorer, 1)
}

fn process_of(scorer: &str, vms: usize) -> Process {
    let config = serde_json::json!({
        "pools": [{"name": "p", "endpoints": [ENDPOINT], "scorers": [{"name": scorer}]}],
        "requestFacts": true,
    });
    let mut process = Process::new(&config.to_string(), vms);
    process.serve(ENDPOINT, Server::Page(page(0, 1, 0.1)));
    process.run_for(1_000);
    process
}

/// A request with a prompt of 1,000 tokens that nobody has, its response's headers here.
fn answered(process: &Process, stream: bool, served: &str, status: &str) -> PickerRequest {
    let facts = RequestFacts {
        prompt_bytes: 4_000,
        prompt_tokens: 1_000,
        block_tokens: 16,
        max_tokens: None,
        stream,
        user: None,
        chain: Vec::new(),
    };
    process.set_facts(&facts.encode());
    let mut request = process.request(0, &[]);
    request.on_headers();
    process.pass(20);
    process.set_upstream(served, status);
    request.on_response_headers();
    request
}

/// A piece of its body went to the client, and the worker ticks.
fn first_token(process: &mut Process) {
    process.send_piece();
    process.run_for(TICK_MS);
}

fn samples(process: &Process) -> u32 {
    process.speed(0).map_or(0, |speed| speed.samples)
}

#[test]
fn a_stream_s_first_piece_teaches_and_its_headers_do_not() {
    let mut process = process("cost-scorer");
    for n in 1..=20 {
        let mut request = answered(&process, true, ENDPOINT, "200");
        process.run_for(SLOW - TICK_MS);
        assert_eq!(samples(&process), n - 1);
        first_token(&mut process);
        assert_eq!(samples(&process), n);
        process.run_for(2_000);
        request.on_done();
        assert_eq!(samples(&process), n, "only the first");
    }
    let speed = process.speed(0).expect("learned");
    assert!((0.7..=1.0).contains(&speed.per_token), "900 ms for 1,000 tokens: {speed:?}");
}

#[test]
fn a_stream_that_ends_between_two_ticks_teaches_if_its_client_got_anything() {
    let process = process("cost-scorer");
    let mut broken = answered(&process, true, ENDPOINT, "200");
    broken.on_done();
    assert_eq!(samples(&process), 0);
    let mut short = answered(&process, true, ENDPOINT, "200");
    process.send_piece();
    short.on_done();
    short.on_done();
    assert_eq!(samples(&process), 1);
}

#[test]
fn what_comes_after_ten_seconds_may_be_a_ping_and_teaches_nothing() {
    let mut process = process("cost-scorer");
    let mut request = answered(&process, true, ENDPOINT, "200");
    process.run_for(10_000);
    first_token(&mut process);
    request.on_done();
    assert_eq!(samples(&process), 0);
}

#[test]
fn no_more_than_so_many_streams_are_watched_at_once() {
    let mut process = process("cost-scorer");
    let requests: Vec<_> = (0..200)
        .map(|_| {
            let request = answered(&process, true, ENDPOINT, "200");
            process.send_piece();
            request
        })
        .collect();
    process.run_for(TICK_MS);
    assert_eq!(samples(&process), 128);
    drop(requests);
    let _request = answered(&process, true, ENDPOINT, "200");
    first_token(&mut process);
    assert_eq!(samples(&process), 129, "there is room again");
}

#[test]
fn what_is_no_endpoint_s_answer_to_a_first_attempt_teaches_nothing() {
    let mut process = process("cost-scorer");
    let mut learns = |stream, served, status, attempts| {
        process.set_attempts(attempts);
        let mut request = answered(&process, stream, served, status);
        first_token(&mut process);
        request.on_done();
        samples(&process) > 0
    };
    assert!(!learns(true, ENDPOINT, "503", 1), "a failure");
    assert!(!learns(true, ENDPOINT, "400", 1), "a refusal");
    assert!(!learns(true, "", "200", 1), "another filter's answer");
    assert!(!learns(true, OTHER, "200", 1), "a retry elsewhere");
    assert!(!learns(false, ENDPOINT, "200", 1), "all tokens at once");
    assert!(!learns(true, ENDPOINT, "200", 2), "a retry at the same endpoint");
    assert!(learns(true, ENDPOINT, "200", 1));
}

#[test]
fn what_one_worker_learned_all_know() {
    let mut process = process_of("cost-scorer", 2);
    for _ in 0..20 {
        let mut request = answered(&process, true, ENDPOINT, "200");
        process.pass(SLOW);
        process.send_piece();
        request.on_done();
    }
    let mut other = process.request(1, &[]);
    other.on_headers();
    assert!(!process.has_learned(1));
    process.run_for(2_000);
    assert!(process.has_learned(1));
    assert_eq!(process.speed(1), None, "hearsay is not passed on");
}

#[test]
fn nothing_is_awaited_where_no_scorer_goes_by_speed() {
    let mut process = process("prefix-cache-scorer");
    let _request = answered(&process, true, ENDPOINT, "200");
    first_token(&mut process);
    assert_eq!(samples(&process), 0);
}
