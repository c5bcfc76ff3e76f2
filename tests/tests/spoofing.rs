//! Model headers that a client sends never reach a route or a model server.

use crate::ECHO;
use gateway_tests::{Call, Raw, Version};

fn spoofed(call: Call) -> Call {
    call.header("x-gateway-model-name", "chatbot")
        .header("x-gateway-base-model-name", "deepseek/vllm-deepseek-r1")
        .header("x-gateway-model-name", "recommender")
        .header("x-gateway-base-model-name", "microsoft/Phi-4-mini-instruct")
        .header("x-gateway-base-model-name", "")
}

#[test]
fn on_requests_without_a_model() {
    ECHO.run(async |gateway| {
        let form = "application/x-www-form-urlencoded";
        for version in Version::BOTH {
            let calls = [
                Call::get("/sim/echo"),
                Call::new("HEAD", "/sim/echo"),
                Call::new("OPTIONS", "/sim/echo"),
                Call::post("/sim/echo"),
                Call::post("/sim/echo").body("plain").header("content-type", "text/plain"),
                Call::post("/sim/echo").body("a=b").header("content-type", form),
                Call::json("/sim/echo", r#"{"prompt": "x"}"#),
                Call::json("/sim/echo", "{}").header("content-encoding", "identity"),
                // A path whose bodies are not read.
                Call::json("/sim/echo/elsewhere", r#"{"model": "chatbot"}"#),
                Call::json("/sim/echo", "").pieces(["{", "}"], &[]),
            ];
            for call in calls {
                let answer = gateway.send_over(version, spoofed(call)).await;
                answer.expect_route("everything-else", None, None);
            }
        }
    });
}

#[test]
fn on_requests_with_a_model() {
    ECHO.run(async |gateway| {
        for version in Version::BOTH {
            let call = Call::json("/sim/echo", r#"{"model": "english-bot"}"#);
            let answer = gateway.send_over(version, spoofed(call)).await;
            let base = "google/gemma-3-4b-it";
            answer.expect_route("gemma3", Some("english-bot"), Some(base));
            assert_eq!(answer.echoed("x-gateway-model-name"), ["english-bot"]);
            assert_eq!(answer.echoed("x-gateway-base-model-name"), [base]);

            // An unknown model has no base model, so the client's must not stay.
            let call = Call::json("/sim/echo", r#"{"model": "unheard-of"}"#);
            let answer = gateway.send_over(version, spoofed(call)).await;
            answer.expect_route("everything-else", Some("unheard-of"), None);
            assert_eq!(answer.echoed("x-gateway-model-name"), ["unheard-of"]);
            assert_eq!(answer.echoed("x-gateway-base-model-name"), [""; 0]);
        }
    });
}

#[test]
fn in_any_case_and_form_of_http_1() {
    ECHO.run(async |gateway| {
        for line in [
            "X-Gateway-Model-Name: chatbot",
            "x-gateway-MODEL-name:chatbot",
            "X-GATEWAY-MODEL-NAME:\t chatbot \t",
            "X-Gateway-Base-Model-Name: google/gemma-3-4b-it",
            "x-Gateway-base-model-name: chatbot\r\nX-GATEWAY-BASE-MODEL-NAME: chatbot",
            "X-Gateway-Model-Name: \u{fffd}chatbot",
            "X-Gateway-Model-Name: chatbot, recommender",
        ] {
            let mut raw = Raw::connect(gateway.address()).await;
            let request =
                format!("GET /sim/echo HTTP/1.1\r\nhost: x\r\n{line}\r\nconnection: close\r\n\r\n");
            raw.write(request).await.unwrap();
            let answer = raw.read_to_end().await.to_ascii_lowercase();
            assert!(answer.starts_with("http/1.1 200"), "{line}: {answer}");
            assert!(!answer.contains("x-sim-model-header"), "{line}: {answer}");
            assert!(!answer.contains("x-sim-base-model-header"), "{line}: {answer}");
            assert!(answer.contains("x-gateway-pool: everything-else"), "{line}: {answer}");
        }
    });
}

#[test]
fn in_trailers() {
    ECHO.run(async |gateway| {
        let spoof = [("x-gateway-model-name", "chatbot")];
        let call = Call::json("/sim/echo", "").pieces([r#"{"prompt": "x"}"#], &spoof);
        let answer = gateway.send_over(Version::H2, call).await;
        answer.expect_route("everything-else", None, None);
    });
}
