//! Load reports in responses, and who learns of them.

use super::world::{Process, Server, page};

const ENDPOINT: &str = "10.0.0.1:8000";
const REPORT: &str =
    "TEXT named_metrics.kv_cache_usage_perc=0.75, named_metrics.num_requests_waiting=7.0";

fn process(orca: bool, page: String) -> Process {
    let config =
        format!(r#"{{"pools":[{{"name":"p","endpoints":["{ENDPOINT}"],"orca":{orca}}}]}}"#);
    let mut process = Process::new(&config, 3);
    process.serve(ENDPOINT, Server::Page(page));
    process.run_for(1_000);
    process
}

/// A request that is answered with this report, by VM 0.
fn answered(process: &Process, report: &str) -> Option<String> {
    let mut request = process.request(0, &[]);
    request.on_headers();
    let asked = process.header("endpoint-load-metrics-format");
    process.set_upstream(ENDPOINT, "200");
    process.set_response_header("endpoint-load-metrics", report);
    request.on_response_headers();
    request.on_done();
    asked
}

#[test]
fn a_report_counts_here_at_once_and_elsewhere_on_the_next_ticks() {
    let mut process = process(true, page(0, 0, 0.0));
    // No scrape comes in between.
    process.serve(ENDPOINT, Server::Hangs);
    process.run_for(300);
    assert_eq!(answered(&process, REPORT).as_deref(), Some("text"));
    assert_eq!(process.response_header("endpoint-load-metrics"), None, "not for clients");
    assert_eq!(process.waiting(0), [Some(7)]);
    assert_eq!(process.waiting(1), [Some(0)]);
    process.run_for(300);
    for vm in 0..3 {
        assert_eq!(process.waiting(vm), [Some(7)], "VM {vm}");
    }
    // The next scrape is newer.
    process.serve(ENDPOINT, Server::Page(page(1, 0, 0.0)));
    process.run_for(6_000);
    for vm in 0..3 {
        assert_eq!(process.waiting(vm), [Some(1)], "VM {vm}");
    }
}

#[test]
fn one_engine_s_report_leaves_a_sum_over_several_alone() {
    let page =
        "vllm:num_requests_waiting{engine=\"0\"} 2\nvllm:num_requests_waiting{engine=\"1\"} 3\n";
    let mut process = process(true, page.to_owned());
    answered(&process, REPORT);
    process.run_for(100);
    assert_eq!(process.waiting(0), [Some(5)]);
    assert_eq!(process.response_header("endpoint-load-metrics"), None);
}

#[test]
fn without_the_switch_nothing_is_asked_and_nothing_is_touched() {
    let process = process(false, page(0, 0, 0.0));
    assert_eq!(answered(&process, REPORT), None);
    assert_eq!(process.response_header("endpoint-load-metrics").as_deref(), Some(REPORT));
    assert_eq!(process.waiting(0), [Some(0)]);
}

#[test]
fn a_report_that_cannot_be_read_changes_nothing() {
    let process = process(true, page(2, 0, 0.0));
    for report in ["", "TEXT", "JSON {", "BIN CQAA"] {
        answered(&process, report);
        assert_eq!(process.waiting(0), [Some(2)], "{report}");
    }
}
