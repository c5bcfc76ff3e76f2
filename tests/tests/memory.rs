//! Envoy's memory does not grow with a body that streams.
//!
//! A binary of its own: the peak of a process is compared, so nothing else may run on
//! that Envoy.

use bytes::Bytes;
use gateway_tests::{Call, Gateway, Setup, Version, peak_memory, run};
use serde_json::json;

const MIB: usize = 1 << 20;

#[test]
fn fifty_megabytes_stream_through_in_a_fraction_of_that() {
    run(async {
        let plugin = json!({"routeOn": "firstModel", "maxBodyBytes": 64 * MIB});
        let setup = Setup::bbr().echo(plugin).buffer_limit(1 << 20);
        let gateway = Gateway::start(setup).await;
        let piece = Bytes::from("x \\\"y\\\" ".repeat(1 << 13));
        let send = |pieces: usize| {
            let start = Bytes::from_static(br#"{"model": "chatbot", "prompt": ""#);
            let body = [start].into_iter().chain((0..pieces).map(|_| piece.clone()));
            Call::json("/sim/echo", "").pieces(body.chain([Bytes::from_static(b"\"}")]), &[])
        };
        for version in Version::BOTH {
            // What the first requests set aside once is not of interest.
            for _ in 0..4 {
                gateway.send_over(version, send(16)).await;
            }
            let before = peak_memory(gateway.envoy().pid());
            let pieces = 50 * MIB / piece.len();
            let answer = gateway.send_over(version, send(pieces)).await;
            answer.expect_route("gemma3", Some("chatbot"), Some("chatbot"));
            assert!(answer.json()["body_bytes"].as_u64() > Some(50_000_000), "{answer:?}");
            let grown = peak_memory(gateway.envoy().pid()) - before;
            println!("{version:?}: {} KiB more for 50 MiB", grown >> 10);
            // A few times the buffer limit, for both directions and V8.
            assert!(grown < 12 << 20, "{version:?}: {grown} bytes for 50 MiB");
        }
        gateway.check();
    });
}
