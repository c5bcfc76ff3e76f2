//! Requests that are made to cost: memory, time, metrics, places in a queue.

use gateway_tests::{Call, Gateway, Raw, Rest, Setup, Shared, Version, peak_memory, run};
use serde_json::json;

/// Both filters: neither keeps what clients make up.
fn setup() -> Setup {
    Setup::guides().echo(json!({})).rest(Rest::Simulator)
}

static GATEWAY: Shared = Shared::new(setup);

const MIB: usize = 1 << 20;

#[test]
fn long_keys_and_many_keys_are_passed_over() {
    GATEWAY.run(async |gateway| {
        let many: String = (0..200_000).map(|n| format!("\"k{n}\":{n},")).collect();
        for body in [
            format!(r#"{{"{}": 1, "model": "chatbot"}}"#, "k".repeat(4 * MIB)),
            format!(r#"{{"{}": 1, "model": "chatbot"}}"#, r"\u006b".repeat(500_000)),
            format!(r#"{{{many}"model": "chatbot"}}"#),
            format!(r#"{{"n": [{}1], "model": "chatbot"}}"#, "1,".repeat(MIB)),
            format!(r#"{{"n": {}, "model": "chatbot"}}"#, "9".repeat(4 * MIB)),
        ] {
            let answer = gateway.send(Call::json("/sim/echo", body.clone())).await;
            answer.expect_route("gemma3", Some("chatbot"), Some("chatbot")).expect_body(&body);
        }
    });
}

#[test]
fn long_names_are_not_kept() {
    run(async {
        // A gateway of its own: nobody else takes memory.
        let gateway = Gateway::start(setup()).await;
        let body = format!(r#"{{"model": "{}"}}"#, "m".repeat(8 * MIB));
        let before = peak_memory(gateway.envoy().pid());
        for _ in 0..4 {
            let answer = gateway.send(Call::json("/sim/echo", body.clone())).await;
            answer.expect_error(400, "invalid_value", Some("model"));
        }
        // Envoy's own buffers, not a copy of the name for each request.
        let grown = peak_memory(gateway.envoy().pid()).saturating_sub(before);
        assert!(grown < 4 * 8 * MIB as u64, "{grown} bytes");
        gateway.check();
    });
}

#[test]
fn names_from_clients_make_no_metrics() {
    GATEWAY.run(async |gateway| {
        let names = || -> Vec<String> {
            let stats = gateway.stats();
            // Endpoints have theirs from their first scrape on, whatever clients send.
            let own = stats
                .lines()
                .filter(|line| line.starts_with("wasmcustom.igw_") && !line.contains(".endpoint."));
            own.filter_map(|line| Some(line.split_once(": ")?.0.to_owned())).collect()
        };
        let body = |n: usize| format!(r#"{{"model": "invented-{n}"}}"#);
        gateway.send(Call::json("/sim/echo", body(0))).await;
        let before = names();
        let mut client = gateway.connect(Version::H2).await;
        for n in 1..500 {
            client
                .send(Call::json("/sim/echo", body(n)).header("x-request-id", n.to_string()))
                .await;
        }
        assert!(!before.is_empty());
        assert_eq!(names(), before);
    });
}

#[test]
fn half_open_bodies_keep_nobody_waiting() {
    GATEWAY.run(async |gateway| {
        let mut open = Vec::new();
        for _ in 0..300 {
            let mut raw = Raw::connect(gateway.address()).await;
            let head = "POST /sim/echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                        content-length: 1000000\r\n\r\n{\"model\": \"chat";
            raw.write(head).await.expect("Envoy takes it");
            open.push(raw);
        }
        for version in Version::BOTH {
            let answer = gateway
                .send_over(version, Call::json("/sim/echo", r#"{"model": "chatbot"}"#))
                .await;
            answer.expect_route("gemma3", Some("chatbot"), Some("chatbot"));
        }
        let aborted = gateway.outcome("aborted");
        open.into_iter().for_each(Raw::reset);
        gateway.wait_for_outcome("aborted", aborted + 300).await;
    });
}
