//! Who scrapes, and how the others learn what it saw: whatever VMs and clocks do.

use super::two_servers;
use super::world::{PickerRequest, Process, Server, page};

#[test]
fn one_vm_scrapes_and_all_learn_what_it_saw() {
    let mut process = two_servers(4);
    process.run_for(3_000);
    assert_eq!(process.holders().len(), 1);
    for vm in 0..4 {
        assert_eq!(process.waiting(vm), [Some(9), Some(0)], "VM {vm}");
    }
    // Two endpoints every 200 ms, by one VM.
    assert!((20..=36).contains(&process.scrapes()), "{}", process.scrapes());
}

#[test]
fn workers_are_at_most_a_tick_behind_the_holder() {
    let mut process = two_servers(4);
    process.run_for(2_000);
    let mut before = process.waiting(process.holders()[0]);
    let mut changes = 0;
    for n in 0..60 {
        process.serve("10.0.0.1:8000", Server::Page(page(n, 0, 0.0)));
        process.run_for(100);
        let now = process.waiting(process.holders()[0]);
        for vm in 0..4 {
            let seen = process.waiting(vm);
            assert!(seen == now || seen == before, "VM {vm}: {seen:?}, not {now:?} or {before:?}");
        }
        changes += usize::from(now != before);
        before = now;
    }
    assert!(changes > 20, "{changes}");
}

#[test]
fn a_lost_holder_is_replaced_and_metrics_go_on() {
    let mut process = two_servers(3);
    process.run_for(1_000);
    let lost = process.holders()[0];
    process.lose(lost);
    process.serve("10.0.0.1:8000", Server::Page(page(1, 0, 0.0)));
    process.run_for(4_500);
    assert_eq!(process.holders().len(), 1);
    for vm in (0..3).filter(|vm| *vm != lost) {
        assert_eq!(process.waiting(vm)[0], Some(1), "VM {vm}");
    }
}

#[test]
fn a_new_holder_keeps_the_metrics_of_the_old_one() {
    let config = r#"{"pools":[{"name":"p","endpoints":{"envoyAdmin":"admin"}}]}"#;
    let mut process = Process::new(config, 2);
    process.serve("10.0.0.1:8000", Server::Page(page(9, 0, 0.0)));
    process.set_cluster_hosts(&["10.0.0.1:8000"]);
    process.run_for(1_000);
    process.lose(process.holders()[0]);
    process.break_admin();
    process.serve("10.0.0.1:8000", Server::Hangs);
    for _ in 0..40 {
        process.run_for(100);
        let left = process.vms_left()[0];
        assert_eq!(process.waiting(left), [Some(9)]);
    }
    assert_eq!(process.holders().len(), 1);
}

#[test]
fn the_clock_may_jump_back_and_forth() {
    let config = r#"{"pools":[{"name":"p","endpoints":{"envoyAdmin":"admin"}}]}"#;
    let mut process = Process::new(config, 3);
    process.serve("10.0.0.1:8000", Server::Page(page(9, 0, 0.0)));
    process.set_cluster_hosts(&["10.0.0.1:8000"]);
    process.run_for(2_000);
    for (n, now) in [(1, 400_000), (2, 9_000_000), (3, 8_999_000), (4, 100_000)] {
        let mut requests: Vec<_> = (0..3).map(|vm| process.request(vm, &[])).collect();
        requests.iter_mut().for_each(|request| {
            request.on_headers();
        });
        process.jump_to(now);
        process.serve("10.0.0.1:8000", Server::Page(page(n, 0, 0.0)));
        let added = format!("10.0.0.2:800{n}");
        process.serve(&added, Server::Page(page(5, 0, 0.0)));
        process.set_cluster_hosts(&["10.0.0.1:8000", &added]);
        process.run_for(6_000);
        assert_eq!(process.holders().len(), 1, "{now}");
        for vm in 0..3 {
            assert_eq!(process.waiting(vm), [Some(n), Some(5)], "VM {vm} at {now}");
            assert_eq!(process.others_in_flight(vm), 2, "VM {vm} at {now}");
        }
        requests.iter_mut().for_each(PickerRequest::on_done);
        process.run_for(400);
        assert_eq!(process.others_in_flight(0), 0, "{now}");
    }
}

/// The gauges of an endpoint that must not outlive it.
fn gauges(process: &Process, endpoint: &str) -> [Option<u64>; 3] {
    ["waiting", "in_flight", "ready"].map(|name| {
        process.gauge(&format!("igw_picker_endpoint_{name}.pool.p.endpoint.{endpoint}"))
    })
}

#[test]
fn the_gauges_of_an_endpoint_that_left_are_zero_whoever_scrapes() {
    let config = r#"{"pools":[{"name":"p","endpoints":{"envoyAdmin":"admin"}}]}"#;
    for holder_dies in [false, true] {
        let mut process = Process::new(config, 3);
        for endpoint in ["10.0.0.1:8000", "10.0.0.2:8000"] {
            process.serve(endpoint, Server::Page(page(9, 0, 0.0)));
        }
        process.set_cluster_hosts(&["10.0.0.1:8000"]);
        process.run_for(2_000);
        let mut request = process.request(0, &[]);
        request.on_headers();
        process.run_for(2_000);
        assert_eq!(gauges(&process, "10.0.0.1:8000"), [Some(9), Some(1), Some(1)]);
        process.set_cluster_hosts(&["10.0.0.2:8000"]);
        if holder_dies {
            process.lose(process.holders()[0]);
        }
        process.run_for(8_000);
        assert_eq!(gauges(&process, "10.0.0.2:8000"), [Some(9), Some(0), Some(1)]);
        assert_eq!(gauges(&process, "10.0.0.1:8000"), [Some(0); 3], "{holder_dies}");
        // It is over after its endpoint has left, and counts nowhere.
        if process.vms_left().contains(&0) {
            request.on_done();
        }
        process.run_for(2_000);
        assert_eq!(gauges(&process, "10.0.0.1:8000"), [Some(0); 3]);
    }
}
