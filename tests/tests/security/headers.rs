//! What a client's headers can and cannot do.

use gateway_tests::{Call, Gateway, Rest, Setup, Shared, Version, run};
use serde_json::json;

static GATEWAY: Shared = Shared::new(|| Setup::guides().echo(json!({})).rest(Rest::Simulator));

const LLAMA: &str = "vllm-llama3-8b-instruct";
const LLAMA_MODEL: &str = "meta-llama/Llama-3.1-8B-Instruct";
const PHI: &str = "vllm-phi4-mini-instruct";
const PHI_MODEL: &str = "microsoft/Phi-4-mini-instruct";
const SUBSET: &str = "x-gateway-destination-endpoint-subset";

/// A gateway whose picker knows two pools and has scraped them.
async fn picking(settings: serde_json::Value) -> Gateway {
    let setup = Setup::guides().echo(json!({})).picker_only(&[LLAMA, PHI]).picker(settings);
    let gateway = Gateway::start(setup).await;
    gateway.wait_for_scrapes(LLAMA, 3).await;
    gateway.wait_for_scrapes(PHI, 2).await;
    gateway
}

#[test]
fn a_subset_can_only_narrow_a_choice() {
    run(async {
        let gateway = picking(json!({})).await;
        let own = gateway.server(&format!("{LLAMA}-1")).addr().to_string();
        let foreign = gateway.server(&format!("{PHI}-0")).addr().to_string();
        for version in Version::BOTH {
            for subset in [format!("{own},{foreign}"), format!("x,{own},,[::"), own.clone()] {
                let call = Gateway::echo_call(LLAMA_MODEL).header(SUBSET, &subset);
                let answer = gateway.send_over(version, call).await;
                assert_eq!(answer.pod(), Some(&*format!("{LLAMA}-1")), "{subset}: {answer:?}");
            }
            for subset in [foreign.clone(), String::new(), "x".repeat(10_000)] {
                let call = Gateway::echo_call(LLAMA_MODEL).header(SUBSET, &subset);
                let answer = gateway.send_over(version, call).await;
                assert_eq!((answer.status, answer.pod()), (503, None), "{subset}: {answer:?}");
            }
        }
        gateway.check();
    });
}

#[test]
fn a_session_token_for_another_pool_is_ignored() {
    run(async {
        let gateway = picking(json!({"sessionHeader": "x-session"})).await;
        let elsewhere = gateway.echo(PHI_MODEL).await;
        let token = elsewhere.header("x-session").expect("a token").to_owned();
        for token in [token.as_str(), "", "!!!", &"A".repeat(20_000)] {
            let call = Gateway::echo_call(LLAMA_MODEL).header("x-session", token);
            let answer = gateway.send(call).await;
            answer.expect_route(LLAMA, Some(LLAMA_MODEL), Some(LLAMA_MODEL));
        }
        gateway.check();
    });
}

#[test]
fn a_model_cannot_add_a_header_or_a_log_line() {
    GATEWAY.run(async |gateway| {
        let before = gateway.envoy().log().lines().count();
        for model in [
            r"chatbot\r\nx-admin: 1",
            r"chatbot\nx-admin: 1",
            r"chatbot\u0000",
            r"chatbot\u0085x",
            r"chatbot\u001b[31m",
        ] {
            let body = format!(r#"{{"model": "{model}"}}"#);
            let answer = gateway.send(Call::json("/sim/echo", body)).await;
            answer.expect_error(400, "invalid_value", Some("model"));
        }
        let log = gateway.envoy().log();
        let new: Vec<&str> = log.lines().skip(before).filter(|l| l.contains("wasm log")).collect();
        assert!(new.iter().filter(|line| line.contains("invalid_value")).count() >= 5, "{new:?}");
        assert!(new.iter().all(|line| line.is_ascii() && !line.contains("x-admin")), "{new:?}");
    });
}
