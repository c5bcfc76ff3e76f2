//! What is said of a choice: to Envoy's access log, and for retries in other pools.

use filter_host::Flow;
use shared::picker::DESTINATION_HEADER;

use super::world::{Process, Server, page};

const REASON: &str = "igw.picker.reason";
const WHY: &str = "igw.picker.why";
const SCORE: &str = "igw.picker.score";

fn process(config: &str) -> Process {
    let mut process = Process::new(config, 1);
    process.serve("10.0.0.1:8000", Server::Page(page(9, 3, 0.9)));
    process.serve("10.0.0.2:8000", Server::Page(page(0, 1, 0.1)));
    process.serve("10.0.1.1:8000", Server::Page(page(5, 1, 0.1)));
    process.serve("10.0.1.2:8000", Server::Page(page(0, 1, 0.1)));
    process.run_for(1_000);
    process
}

#[test]
fn the_access_log_learns_score_and_reason() {
    let process = process(
        r#"{"pools":[{"name":"p","endpoints":["10.0.0.1:8000"]}],"accessLog":true,
            "models":[{"name":"bulk","criticality":"Sheddable"}]}"#,
    );
    let mut request = process.request(0, &[]);
    request.on_headers();
    request.on_done();
    assert_eq!(process.kept(REASON).as_deref(), Some("picked"));
    let score: f32 = process.kept(SCORE).and_then(|score| score.parse().ok()).expect("a score");
    assert!((0.0..=14.0).contains(&score), "{score}");
    let why = process.kept(WHY).expect("a line");
    assert!(why.starts_with("10.0.0.1:8000 picked, best of 1 named: score "), "{why}");
    let mut shed = process.request(0, &[("x-gateway-model-name", "bulk")]);
    assert_eq!(shed.on_headers(), Flow::Hold);
    shed.on_done();
    assert_eq!((process.kept(REASON).as_deref(), process.kept(SCORE)), (Some("shed"), None));
    process.set_cluster("other");
    let mut other = process.request(0, &[]);
    other.on_headers();
    other.on_done();
    assert_eq!(process.kept(REASON), None, "nothing was picked");
}

#[test]
fn without_the_switch_nothing_is_kept() {
    let process = process(r#"{"pools":[{"name":"p","endpoints":["10.0.0.1:8000"]}]}"#);
    let mut request = process.request(0, &[]);
    request.on_headers();
    request.on_done();
    assert_eq!((process.kept(REASON), process.kept(SCORE)), (None, None));
}

const TWO_POOLS: &str = r#"{"pools":[
    {"name":"p","endpoints":["10.0.0.1:8000","10.0.0.2:8000"],"retryPools":["q"]},
    {"name":"q","endpoints":["10.0.1.1:8000","10.0.1.2:8000"],"ranked":1}]}"#;

#[test]
fn a_retry_pool_s_best_stand_behind_the_pool_s_own() {
    let process = process(TWO_POOLS);
    let mut request = process.request(0, &[]);
    request.on_headers();
    assert_eq!(
        process.header(DESTINATION_HEADER).as_deref(),
        Some("10.0.0.2:8000,10.0.0.1:8000,10.0.1.2:8000")
    );
    request.on_done();
    process.set_cluster("q");
    let mut request = process.request(0, &[]);
    request.on_headers();
    assert_eq!(process.header(DESTINATION_HEADER).as_deref(), Some("10.0.1.2:8000"));
    request.on_done();
}

#[test]
fn a_request_counts_in_the_pool_that_served_it() {
    let process = process(TWO_POOLS);
    let mut request = process.request(0, &[]);
    request.on_headers();
    assert_eq!((process.in_flight_in(0, 0), process.in_flight_in(0, 1)), (1, 0));
    process.set_upstream("10.0.1.2:8000", "200");
    request.on_response_headers();
    assert_eq!((process.in_flight_in(0, 0), process.in_flight_in(0, 1)), (0, 1));
    assert_eq!(process.trouble(0), [false, true], "where it was sent, it failed");
    request.on_done();
    assert_eq!((process.in_flight_in(0, 0), process.in_flight_in(0, 1)), (0, 0));
}

#[test]
fn only_who_carries_the_header_is_told_the_scores_parts() {
    let process = process(
        r#"{"pools":[{"name":"p","endpoints":["10.0.0.1:8000","10.0.0.2:8000"]}],
            "explainFor":{"name":"x-debug","value":"secret"}}"#,
    );
    for (value, is_told) in [("secret", true), ("other", false)] {
        let mut request = process.request(0, &[("x-debug", value)]);
        request.on_headers();
        process.set_upstream("10.0.0.2:8000", "200");
        request.on_response_headers();
        request.on_done();
        let said = process.take_response_header("x-gateway-picker");
        assert_eq!(said.is_some(), is_told, "{value}");
        let Some(said) = said else { continue };
        let [start, .., last] = said.split("; ").collect::<Vec<_>>()[..] else { panic!("{said}") };
        assert_eq!(start, "pool=p");
        assert!(last.starts_with("10.0.0.1:8000=") && last.contains(" cost-scorer="), "{said}");
    }
}
