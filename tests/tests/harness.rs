//! The harness itself, on an Envoy without the project's filters: what the other tests
//! take for proof of the filter must not be there without it.

use gateway_tests::{Call, Gateway, Rest, Setup, Shared, Version, run, unique};
use serde_json::json;
use simulator::Stage;

static BARE: Shared = Shared::new(|| Setup::bare().rest(Rest::Simulator).trailers());

#[test]
fn without_the_filter_bodies_arrive_whole_and_no_header_is_set() {
    BARE.run(async |gateway| {
        let body = json!({"model": "food-review-1", "prompt": "x"}).to_string();
        for version in Version::BOTH {
            let call = Call::json("/v1/completions", body.clone());
            let answer = gateway.send_over(version, call).await;
            answer.expect_route("everything-else", None, None).expect_body(&body);
        }
    });
}

#[test]
fn without_the_filter_spoofed_headers_arrive() {
    BARE.run(async |gateway| {
        let call = Call::get("/sim/echo").header("x-gateway-model-name", "chatbot");
        let answer = gateway.send(call).await;
        answer.expect_route("gemma3", Some("chatbot"), None);
    });
}

#[test]
fn pieces_and_trailers_arrive() {
    BARE.run(async |gateway| {
        for version in Version::BOTH {
            let call = Call::post("/sim/echo").pieces(["ab", "c"], &[("x-end", "yes")]);
            let answer = gateway.send_over(version, call).await;
            answer.expect_body("abc");
            assert_eq!(answer.echoed_trailer("x-end"), ["yes"], "{version:?}");
        }
    });
}

#[test]
fn an_upload_is_seen_while_it_goes_on_and_when_it_breaks_off() {
    BARE.run(async |gateway| {
        let path = unique("/sim/echo");
        let (call, mut body) = Call::post(&path).channel();
        let mut client = gateway.connect(Version::H1).await;
        let upload = tokio::spawn(async move { client.try_send(call).await.is_err() });
        body.send_data("abc".into()).await.unwrap();
        let record = gateway.wait_for_bytes(&path, 3).await;
        assert_eq!(record.stage, Stage::Uploading);
        upload.abort();
        gateway.wait_for(&path, Stage::Aborted).await;
    });
}

#[test]
fn a_gateway_ends_with_its_handle() {
    run(async {
        let gateway = Gateway::start(Setup::bare()).await;
        let (address, pid) = (gateway.address(), gateway.envoy().pid());
        gateway.send(Call::get("/v1/models")).await;
        drop(gateway);
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    });
}
