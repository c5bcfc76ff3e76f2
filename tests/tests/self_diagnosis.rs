//! The bbr filter finds out that its configuration in Envoy lets requests hang.

use bytes::Bytes;
use gateway_tests::{Call, Gateway, Rest, Setup, Version, run};
use serde_json::json;

const FIELD: &str = "allow_on_headers_stop_iteration";

const CODE: &str = "gateway_misconfigured";

/// The guides' gateway, without the field that gives the filter bodies.
async fn misconfigured() -> Gateway {
    let remove = |manager: &mut serde_yaml_ng::Value| {
        for filter in manager["http_filters"].as_sequence_mut().expect("filters") {
            if filter["name"] == "bbr" {
                let config = filter["typed_config"]["config"].as_mapping_mut().expect("a config");
                config.remove(FIELD).expect("the guides set it");
            }
        }
    };
    let setup = Setup::bbr().plugin(json!({})).rest(Rest::Simulator).workers(1);
    Gateway::start(setup.connection_manager(remove)).await
}

#[test]
fn without_stop_iteration_a_request_is_answered_and_the_field_is_named_once() {
    run(async {
        let gateway = misconfigured().await;
        let path = "/v1/completions";
        let model = r#"{"model": "chatbot", "prompt": "x"}"#;
        let chunked = || Call::post(path).header("content-type", "application/json");
        for (version, call) in [
            (Version::H1, Call::json(path, model)),
            (Version::H2, Call::json(path, model)),
            (Version::H1, chunked().pieces([Bytes::from_static(model.as_bytes())], &[])),
            (Version::H1, Call::json(path, "{}".repeat(100_000))),
        ] {
            let answer = gateway.send_over(version, call).await;
            assert_eq!(answer.status, 500);
            let error = &answer.json()["error"];
            assert_eq!((&error["type"], &error["code"]), (&json!("server_error"), &json!(CODE)));
            assert!(error["message"].to_string().contains(FIELD), "{error}");
        }
        gateway.wait_for_outcome("body_withheld", 4).await;
        assert_eq!(gateway.outcome("aborted"), 0);
        let log = gateway.envoy().log();
        assert_eq!(log.matches(FIELD).count(), 1, "{log}");
        // What has no body is not concerned.
        assert_eq!(gateway.send(Call::get("/v1/models")).await.status, 200);
        gateway.check();
    });
}

#[test]
fn a_client_that_is_slow_to_send_its_body_is_waited_for() {
    run(async {
        let gateway = Gateway::start(Setup::bbr().rest(Rest::Simulator).workers(1)).await;
        let call = Call::post("/v1/completions").header("content-type", "application/json");
        let (call, mut body) = call.channel();
        let mut client = gateway.connect(Version::H1).await;
        let answer = tokio::spawn(async move { client.send(call).await });
        // Longer than the filter waits for bytes that it knows to be there.
        tokio::time::sleep(std::time::Duration::from_secs(4)).await;
        body.send_data(r#"{"model": "chatbot", "prompt": "x"}"#.into()).await.expect("sent");
        drop(body);
        assert_eq!(answer.await.expect("an answer").status, 200);
        assert_eq!(gateway.outcome("body_withheld"), 0);
        gateway.check();
    });
}
