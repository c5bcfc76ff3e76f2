//! What a busy worker asks the host, and what it takes for granted.

use super::world::{Process, Server, TICK_MS, page};

const FIRST: &str = "10.0.0.1:8000";
const OTHER: &str = "10.0.0.2:8000";

/// The first endpoint is the one that is picked.
fn process(more: &str) -> Process {
    process_of(&[FIRST, OTHER], more)
}

fn process_of(endpoints: &[&str], more: &str) -> Process {
    let config = format!(r#"{{"pools":[{{"name":"p","endpoints":{endpoints:?}}}]{more}}}"#);
    let mut process = Process::new(&config, 1);
    process.serve(FIRST, Server::Page(page(0, 0, 0.1)));
    process.serve(OTHER, Server::Page(page(900, 9, 0.9)));
    process.run_for(1_000);
    process
}

/// So many requests, answered from there: how often the time was asked for, and the origin.
fn send(process: &Process, requests: usize, origin: &str) -> (usize, usize) {
    send_for(process, requests, origin, "200")
}

fn send_for(process: &Process, requests: usize, origin: &str, status: &str) -> (usize, usize) {
    let (times, origins) = process.looks();
    process.set_upstream(origin, status);
    for _ in 0..requests {
        let mut request = process.request(0, &[]);
        request.on_headers();
        request.on_response_headers();
        request.on_done();
    }
    let now = process.looks();
    (now.0 - times, now.1 - origins)
}

/// More requests in a tick than it has milliseconds.
const BUSY: usize = 10 * TICK_MS as usize;

#[test]
fn up_to_a_request_per_millisecond_each_one_looks() {
    let mut process = process("");
    for _ in 0..3 {
        assert_eq!(send(&process, 100, FIRST), (100, 100));
        process.run_for(TICK_MS);
    }
}

#[test]
fn a_busy_worker_looks_once_a_millisecond() {
    let mut process = process("");
    send(&process, BUSY, FIRST);
    process.run_for(TICK_MS);
    assert_eq!(send(&process, BUSY, FIRST), (100, 100));
}

#[test]
fn a_busy_worker_looks_at_each_answer_once_one_came_from_elsewhere() {
    let mut process = process("");
    send(&process, BUSY, FIRST);
    process.run_for(TICK_MS);
    assert_eq!(send(&process, 20, OTHER).1, 20, "the first one looks");
    process.run_for(TICK_MS);
    assert_eq!(process.trouble(0), [true, false]);
    send(&process, BUSY, FIRST);
    process.run_for(TICK_MS);
    assert_eq!(send(&process, BUSY, FIRST).1, BUSY, "wary");
    process.run_for(1_000);
    send(&process, BUSY, FIRST);
    process.run_for(TICK_MS);
    assert_eq!(send(&process, BUSY, FIRST).1, 100, "at ease again");
}

#[test]
fn each_failure_is_looked_at() {
    let mut process = process_of(&[FIRST], "");
    send(&process, BUSY, FIRST);
    process.run_for(TICK_MS);
    assert_eq!(send_for(&process, BUSY, FIRST, "503").1, BUSY);
}

#[test]
fn each_answer_is_looked_at_where_its_origin_is_told() {
    let mut process = process(r#","sessionHeader":"x-session""#);
    send(&process, BUSY, FIRST);
    process.run_for(TICK_MS);
    assert_eq!(send(&process, BUSY, OTHER).1, BUSY);
}
