use super::*;
use crate::proxy::from_dump;
use serde_json::{Value, json};

const STATS: &str = "\
wasm.envoy.wasm.runtime.v8.active: 6
wasmcustom.igw_bbr_model_requests.model.base: 0
wasmcustom.igw_picker_endpoint_age_milliseconds.pool.p.endpoint.10.0.0.1:80: 100
wasmcustom.igw_picker_endpoint_ready.pool.p.endpoint.10.0.0.1:80: 1
wasmcustom.igw_picker_ready_endpoints.pool.p: 1
wasmcustom.igw_picker_scrapes.pool.p: 10
wasmcustom.igw_picker_scrape_failures.pool.p: 0
";

fn plugin(name: &str, configuration: &str) -> Value {
    json!({"name": name, "typed_config": {"@type": "x/wasm.v3.Wasm", "config": {
        "name": name, "allow_on_headers_stop_iteration": true, "failure_policy": "FAIL_RELOAD",
        "vm_config": {"code": {"local": {"filename": format!("no/{name}-filter.wasm")}}},
        "configuration": {"@type": "x/google.protobuf.StringValue", "value": configuration},
    }}})
}

fn dump(picker: &str) -> Value {
    let bbr = r#"{"baseModels": [{"name": "base"}], "maxBodyBytes": 1000}"#;
    let filters = [
        plugin("bbr", bbr),
        json!({"name": "between", "typed_config": {}}),
        plugin("picker", picker),
    ];
    let over = json!({"@type": "x/OverrideHost", "override_host_sources": [{"header": "x-gateway-destination-endpoint"}]});
    let pool = json!({"name": "p", "load_balancing_policy": {"policies": [{"typed_extension_config": {"typed_config": over}}]}});
    let scrape = json!({"name": "igw_scrape", "type": "ORIGINAL_DST", "original_dst_lb_config": {"use_http_header": true}});
    json!({"configs": [
        {"@type": "x/ListenersConfigDump", "static_listeners": [{"listener": {"name": "l",
            "filter_chains": [{"filters": [{"typed_config": {"@type": "x/HttpConnectionManager", "http_filters": filters,
                "route_config": {"virtual_hosts": [{"domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "p"}}]}]}}}]}]}}]},
        {"@type": "x/ClustersConfigDump", "static_clusters": [{"cluster": pool}, {"cluster": scrape}]},
    ]})
}

const LISTED: &str = r#"{"pools": [{"name": "p", "endpoints": ["10.0.0.1:80"]}]}"#;

/// All is well, but for what `change` makes of it.
fn seen(change: impl FnOnce(&mut Seen)) -> Vec<String> {
    let mut outcomes = String::new();
    for outcome in shared::bbr::Outcome::ALL {
        outcomes += &format!("wasmcustom.igw_bbr_requests.outcome.{}: 0\n", outcome.label());
    }
    let before = format!("{STATS}{outcomes}");
    let after = before.replace("scrapes.pool.p: 10", "scrapes.pool.p: 20");
    let host = ("10.0.0.1:80".parse().unwrap(), crate::admin::Host::default());
    let mut seen = Seen {
        server: Server { version: "1.40.0".to_owned(), state: "LIVE".to_owned(), workers: 2 },
        dump: from_dump(&dump(LISTED)),
        hosts: Hosts::from([("p".to_owned(), [host].into())]),
        before: Stats::read(&before),
        after: Stats::read(&after),
    };
    change(&mut seen);
    running(&seen, None).iter().map(ToString::to_string).collect()
}

/// Statistics with one line changed.
fn stats(from: &str, to: &str) -> impl FnOnce(&mut Seen) {
    let (from, to) = (from.to_owned(), to.to_owned());
    move |seen| {
        let mut outcomes = String::new();
        for outcome in shared::bbr::Outcome::ALL {
            outcomes += &format!("wasmcustom.igw_bbr_requests.outcome.{}: 0\n", outcome.label());
        }
        let text = format!("{STATS}{outcomes}").replace("scrapes.pool.p: 10", "scrapes.pool.p: 20");
        assert!(text.contains(&from), "{from}");
        seen.after = Stats::read(&text.replace(&from, &to));
    }
}

#[track_caller]
fn only(said: &[String], words: &[&str]) {
    assert_eq!(said.len(), 1, "{said:#?}");
    for word in words {
        assert!(said[0].contains(word), "{word}: {}", said[0]);
    }
}

#[test]
fn nothing_is_said_of_a_gateway_as_it_should_be() {
    assert_eq!(seen(|_| ()), Vec::<String>::new());
}

#[test]
fn counters_that_stand_still_mean_that_no_vm_holds_the_lease() {
    only(
        &seen(stats("scrapes.pool.p: 20", "scrapes.pool.p: 10")),
        &["picker: no VM holds the lease"],
    );
}

#[test]
fn scrapes_that_all_fail_mean_no_fresh_metrics() {
    let said = seen(|change| {
        stats("scrapes.pool.p: 20", "scrapes.pool.p: 10")(change);
        stats(
            "scrapes.pool.p: 20\nwasmcustom.igw_picker_scrape_failures.pool.p: 0",
            "scrapes.pool.p: 10\nwasmcustom.igw_picker_scrape_failures.pool.p: 5",
        )(change);
    });
    only(&said, &["pool p: no fresh metrics: every scrape fails", "metricsPath"]);
}

#[test]
fn old_metrics_and_endpoints_never_scraped_are_told() {
    let age = "wasmcustom.igw_picker_endpoint_age_milliseconds.pool.p.endpoint.10.0.0.1:80: 100\n";
    only(
        &seen(stats(age, &age.replace("100\n", "9000\n"))),
        &["10.0.0.1:80", "9000 ms old", "5000 ms"],
    );
    only(&seen(stats(age, "")), &["10.0.0.1:80: no metrics were ever read"]);
}

#[test]
fn picker_and_cluster_must_know_the_same_endpoints() {
    let two = LISTED.replace("\"10.0.0.1:80\"", "\"10.0.0.1:80\", \"10.0.0.2:80\"");
    only(
        &seen(|seen| seen.dump = from_dump(&dump(&two))),
        &["10.0.0.2:80 is known to the picker", "not to cluster \"p\""],
    );
    let said = seen(|seen| {
        let host = ("10.0.0.3:80".parse().unwrap(), crate::admin::Host::default());
        seen.hosts.get_mut("p").unwrap().extend([host]);
    });
    only(&said, &["10.0.0.3:80 is in cluster \"p\"", "does not know it"]);
    let said = seen(|seen| seen.hosts.clear());
    assert!(said.iter().any(|one| one.contains("cluster \"p\" has no endpoints")), "{said:#?}");
}

#[test]
fn vms_that_trapped_or_run_something_older_are_told() {
    only(&seen(stats("active: 6", "active: 5")), &["5 Wasm VMs are active", "need 6"]);
    only(
        &seen(stats("active: 6", "active: 6\nwasm.bbr.vm_reload_failure: 2")),
        &["bbr: 2 reload(s)", "failed"],
    );
    let model = "wasmcustom.igw_bbr_model_requests.model.base: 0\n";
    only(&seen(stats(model, "")), &["older configuration", "\"base\""]);
    let outcome = "wasmcustom.igw_bbr_requests.outcome.body_withheld: 0\n";
    only(&seen(stats(outcome, "")), &["older than this igw", "body_withheld"]);
    only(
        &seen(stats(outcome, &outcome.replace(": 0", ": 3"))),
        &["3 request(s) were answered 500"],
    );
    let said = seen(|seen| seen.after = Stats::default());
    assert_eq!(said.iter().filter(|one| one.contains("shows no metrics")).count(), 2, "{said:#?}");
}

#[test]
fn an_envoy_that_is_old_or_not_live_is_told() {
    only(
        &seen(|seen| seen.server.version = "1.34.2".to_owned()),
        &["Envoy 1.34.2", "use Envoy 1.36"],
    );
    only(&seen(|seen| seen.server.state = "DRAINING".to_owned()), &["Envoy is DRAINING"]);
}

#[test]
fn what_has_not_arrived_is_told_and_other_projects_filters_are_not() {
    let arrivals = |arrival: Arrival| seen(move |seen| seen.dump.arrivals.push(arrival));
    let missing =
        |filter: &str| Arrival::Missing { filter: filter.to_owned(), listener: "l".to_owned() };
    only(&arrivals(missing("igw-bbr")), &["filter igw-bbr", "has not arrived"]);
    assert!(arrivals(missing("waf")).is_empty());
    only(
        &arrivals(Arrival::Replaced { filter: "igw-bbr".to_owned(), refuses: true }),
        &["refuses every request", "pull secret"],
    );
    only(
        &arrivals(Arrival::Replaced { filter: "igw-picker".to_owned(), refuses: false }),
        &["lets every request pass", "pull secret"],
    );
    // That there is no filter then is no news; otherwise it is.
    let none = |arrivals: &[Arrival]| {
        let arrivals = arrivals.to_vec();
        seen(move |seen| (seen.dump.proxy.http, seen.dump.arrivals) = (Vec::new(), arrivals))
    };
    only(&none(&[missing("igw-bbr")]), &["has not arrived"]);
    only(&none(&[]), &["no listener has the BBR"]);
    let refused = Arrival::Refused { listener: "l".to_owned(), reason: "bad".to_owned() };
    only(&arrivals(refused), &["listener l", "refused a newer version", "bad"]);
}
