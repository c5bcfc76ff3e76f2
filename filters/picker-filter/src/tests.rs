//! Several VMs of one process, ticking, with servers that answer their scrapes;
//! and requests that go through them.

mod clock;
mod facts;
mod holders;
mod looks;
mod orca;
mod speed;
mod status;
mod told;
mod world;

use filter_host::Flow;
use shared::picker::DESTINATION_HEADER;

use world::{Process, Server, page};

const CONFIG: &str = r#"{"pools":[{"name":"p","endpoints":["10.0.0.1:8000","10.0.0.2:8000"]}],
    "models":[{"name":"bulk","criticality":"Sheddable"}],"sessionHeader":"x-session","explain":true}"#;

fn two_servers(vms: usize) -> Process {
    let process = Process::new(CONFIG, vms);
    process.serve("10.0.0.1:8000", Server::Page(page(9, 3, 0.9)));
    process.serve("10.0.0.2:8000", Server::Page(page(0, 1, 0.1)));
    process
}

#[test]
fn picks_follow_the_load_and_name_the_next_best_for_retries() {
    let mut process = two_servers(2);
    process.run_for(1_000);
    let mut request = process.request(1, &[]);
    assert_eq!(request.on_headers(), Flow::Continue);
    assert_eq!(process.header(DESTINATION_HEADER).as_deref(), Some("10.0.0.2:8000,10.0.0.1:8000"));
}

#[test]
fn a_destination_from_the_client_is_removed_even_where_nothing_is_picked() {
    let process = two_servers(1);
    process.set_cluster("other");
    let mut request = process.request(0, &[(DESTINATION_HEADER, "10.9.9.9:1")]);
    assert_eq!(request.on_headers(), Flow::Continue);
    assert_eq!(process.header(DESTINATION_HEADER), None);
}

#[test]
fn requests_in_flight_are_counted_down_once_however_they_end() {
    let mut process = two_servers(1);
    process.run_for(1_000);
    let mut requests: Vec<_> = (0..6).map(|_| process.request(0, &[])).collect();
    for request in &mut requests {
        request.on_headers();
    }
    assert_eq!(process.in_flight(0), 6);
    process.set_upstream("10.0.0.2:8000", "200");
    for (n, request) in requests.iter_mut().enumerate() {
        if n % 2 == 0 {
            request.on_response_headers();
        }
        request.on_done();
        request.on_done();
    }
    assert_eq!(process.in_flight(0), 0);
}

#[test]
fn a_retry_counts_where_it_was_served_and_lowers_where_it_failed() {
    let mut process = two_servers(1);
    process.run_for(1_000);
    let mut request = process.request(0, &[]);
    request.on_headers();
    process.set_upstream("10.0.0.1:8000", "200");
    request.on_response_headers();
    assert_eq!(process.trouble(0), [false, true]);
    request.on_done();
    assert_eq!(process.in_flight(0), 0);
}

#[test]
fn an_endpoint_that_envoy_skipped_did_not_fail() {
    let mut process = two_servers(1);
    process.run_for(1_000);
    for (attempts, troubled) in [(1, false), (2, true)] {
        let mut request = process.request(0, &[]);
        request.on_headers();
        process.set_upstream("10.0.0.1:8000", "200");
        process.set_attempts(attempts);
        request.on_response_headers();
        request.on_done();
        assert_eq!(process.trouble(0), [false, troubled], "{attempts} attempts");
        assert_eq!(process.in_flight(0), 0);
    }
}

#[test]
fn other_vms_requests_are_seen_on_the_next_ticks() {
    let mut process = two_servers(2);
    process.serve("10.0.0.1:8000", Server::Page(page(0, 1, 0.1)));
    process.run_for(1_000);
    let mut requests: Vec<_> = (0..8).map(|_| process.request(0, &[])).collect();
    requests.iter_mut().for_each(|request| {
        request.on_headers();
    });
    process.run_for(300);
    assert_eq!(process.others_in_flight(1), 8);
    assert_eq!(process.others_in_flight(0), 0);
    requests.iter_mut().for_each(world::PickerRequest::on_done);
    process.run_for(300);
    assert_eq!(process.others_in_flight(1), 0);
}

#[test]
fn a_session_returns_to_its_endpoint() {
    let mut process = two_servers(1);
    process.serve("10.0.0.1:8000", Server::Page(page(2, 1, 0.2)));
    process.run_for(1_000);
    process.set_upstream("10.0.0.1:8000", "200");
    let mut request = process.request(0, &[]);
    request.on_headers();
    request.on_response_headers();
    let token = process.response_header("x-session").expect("a token");
    request.on_done();
    let mut again = process.request(0, &[("x-session", &token)]);
    again.on_headers();
    let destination = process.header(DESTINATION_HEADER).expect("picked");
    assert!(destination.starts_with("10.0.0.1:8000,"), "{destination}");
}

#[test]
fn sheddable_requests_get_429_while_the_pool_is_saturated() {
    let mut process = two_servers(1);
    process.serve("10.0.0.2:8000", Server::Page(page(9, 1, 0.1)));
    process.run_for(1_000);
    let mut bulk = process.request(0, &[("x-gateway-model-name", "bulk")]);
    assert_eq!(bulk.on_headers(), Flow::Hold);
    let (status, headers, error) = process.answer().expect("an answer");
    assert_eq!((status, &error["error"]["code"]), (429, &"overloaded".into()));
    assert!(
        headers.iter().any(|(name, value)| name == "retry-after" && value == "1"),
        "{headers:?}"
    );
    let mut other = process.request(0, &[]);
    assert_eq!(other.on_headers(), Flow::Continue);
}

#[test]
fn without_a_ready_endpoint_the_answer_is_503() {
    let mut process = Process::new(CONFIG, 1);
    process.run_for(3_000);
    let mut request = process.request(0, &[]);
    assert_eq!(request.on_headers(), Flow::Hold);
    let (status, _, error) = process.answer().expect("an answer");
    assert_eq!((status, &error["error"]["code"]), (503, &"no_endpoint".into()));
    assert_eq!(error["error"]["type"], "server_error");
}

#[test]
fn before_anything_is_known_of_a_pool_envoy_balances() {
    let config = r#"{"pools":[{"name":"p","endpoints":{"envoyAdmin":"admin"}}]}"#;
    let mut process = Process::new(config, 1);
    let mut request = process.request(0, &[(DESTINATION_HEADER, "10.9.9.9:1")]);
    assert_eq!(request.on_headers(), Flow::Continue);
    assert_eq!(process.header(DESTINATION_HEADER), None);
    process.run_for(500);
    let mut request = process.request(0, &[]);
    assert_eq!(request.on_headers(), Flow::Continue, "the admin interface has not answered");
    process.set_cluster_hosts(&[]);
    process.run_for(1_000);
    process.run_for(500);
    let mut request = process.request(0, &[]);
    assert_eq!(request.on_headers(), Flow::Hold, "now it is known to be empty");
    let listed = two_servers(1);
    let mut request = listed.request(0, &[]);
    assert_eq!(request.on_headers(), Flow::Continue);
    assert!(listed.header(DESTINATION_HEADER).is_some(), "listed endpoints are known at once");
}

#[test]
fn a_subset_from_metadata_binds() {
    let mut process = two_servers(1);
    process.run_for(1_000);
    process.set_subset("10.0.0.1:8000");
    let mut request = process.request(0, &[]);
    request.on_headers();
    assert_eq!(process.header(DESTINATION_HEADER).as_deref(), Some("10.0.0.1:8000"));
    process.set_subset("10.7.7.7:1");
    let mut request = process.request(0, &[]);
    assert_eq!(request.on_headers(), Flow::Hold);
    assert_eq!(process.answer().map(|(status, ..)| status), Some(503));
}

#[test]
fn endpoints_come_and_go_as_the_admin_interface_says() {
    let config = r#"{"pools":[{"name":"p","endpoints":{"envoyAdmin":"admin"}}]}"#;
    let mut process = Process::new(config, 2);
    process.serve("10.0.0.1:8000", Server::Page(page(9, 0, 0.0)));
    process.serve("10.0.0.2:8000", Server::Page(page(1, 0, 0.0)));
    process.set_cluster_hosts(&["10.0.0.1:8000"]);
    process.run_for(2_000);
    assert_eq!(process.waiting(1), [Some(9)]);
    process.set_cluster_hosts(&["10.0.0.2:8000"]);
    process.run_for(2_000);
    assert_eq!(process.waiting(1), [Some(1)]);
    // An admin interface that fails empties no pool.
    process.break_admin();
    process.run_for(3_000);
    assert_eq!(process.waiting(1), [Some(1)]);
    assert_eq!(process.warnings(), 1);
}

#[test]
fn a_server_whose_metrics_hang_piles_up_nothing_and_fades() {
    let mut process = two_servers(1);
    process.run_for(1_000);
    process.serve("10.0.0.2:8000", Server::Hangs);
    process.run_for(8_000);
    assert!(process.most_under_way() <= 2);
    let mut request = process.request(0, &[]);
    assert_eq!(request.on_headers(), Flow::Continue, "it may still serve");
}
