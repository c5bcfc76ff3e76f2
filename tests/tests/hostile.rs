//! Bytes and behaviour that no well-meaning client shows: an answer or a closed
//! connection, never a trap, and the gateway goes on.
//!
//! That no filter trapped is checked at the end of every test, see `Shared::run`.

use gateway_tests::{Call, Gateway, Raw, Rest, Setup, Shared, Version, run, unique};
use serde_json::json;
use simulator::Stage;

static GATEWAY: Shared = Shared::new(|| {
    let setup = Setup::guides().echo(json!({})).rest(Rest::Simulator);
    setup.connection_manager(|manager| manager["preserve_external_request_id"] = true.into())
});

const CHATBOT: &str = r#"{"model": "chatbot"}"#;

async fn expect_healthy(gateway: &Gateway) {
    for version in Version::BOTH {
        let answer = gateway.send_over(version, Call::json("/sim/echo", CHATBOT)).await;
        answer.expect_route("gemma3", Some("chatbot"), Some("chatbot"));
    }
}

/// Values that are no text, or are text that readers stumble over.
fn hostile_values() -> Vec<Vec<u8>> {
    vec![
        b"\xff".to_vec(),
        b"\xff\xfe{\0".iter().copied().filter(|byte| *byte != 0).collect(),
        b"application/json\xff".to_vec(),
        b"\xc3\x28; boundary=\xa0\xa1".to_vec(),
        b"\x80\x81\x82".repeat(1000),
        "é模😀".into(),
        b";;;===,,,".to_vec(),
        b"multipart/form-data; boundary=\xff\xff".to_vec(),
        b"multipart/form-data; boundary=".to_vec(),
        b"multipart/form-data; boundary=\"".to_vec(),
        b"multipart/form-data; boundary=\"\"".to_vec(),
        b"application/json; charset=\xff".to_vec(),
        b"%00%ff%".to_vec(),
        b"x".repeat(30_000),
    ]
}

#[test]
fn in_headers_by_http_1_and_2() {
    GATEWAY.run(async |gateway| {
        for name in [
            "content-type",
            "content-encoding",
            "x-request-id",
            "x-gateway-model-name",
            "x-gateway-base-model-name",
            "accept",
            "x-anything",
        ] {
            for value in hostile_values() {
                for version in Version::BOTH {
                    for body in [CHATBOT, "{"] {
                        let call = Call::post("/sim/echo").header(name, &value);
                        let call = match name {
                            "content-type" => call,
                            _ => call.header("content-type", "application/json"),
                        };
                        let mut client = gateway.connect(version).await;
                        // A broken connection would be Envoy's right, too.
                        if let Ok(answer) = client.try_send(call.body(body)).await {
                            let bytes = value.escape_ascii();
                            assert!(answer.status < 500, "{version:?} {name}: {bytes}: {answer:?}");
                        }
                    }
                }
            }
            expect_healthy(gateway).await;
        }
    });
}

#[test]
fn in_paths() {
    GATEWAY.run(async |gateway| {
        for path in [
            &b"/v1/\xff\xfe"[..],
            b"/v1/models/\xff",
            b"/v1/models/%ff%00%zz",
            b"/v1/completions?\xc3\x28",
            b"/sim/echo#\xe6",
            b"/../../v1/completions",
            b"*",
            b"/v1/%2e%2e/%2e%2e/x",
            &[b"/v1/", "x".repeat(20_000).as_bytes()].concat(),
        ] {
            for method in ["GET", "POST"] {
                let mut raw = Raw::connect(gateway.address()).await;
                let mut request = format!("{method} ").into_bytes();
                request.extend_from_slice(path);
                request.extend_from_slice(b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
                if method == "POST" {
                    let rest = format!(
                        "content-type: application/json\r\ncontent-length: {}\r\n\r\n{CHATBOT}",
                        CHATBOT.len()
                    );
                    request.extend_from_slice(rest.as_bytes());
                } else {
                    request.extend_from_slice(b"\r\n");
                }
                // Envoy may answer and close before all is written.
                let _ = raw.write(request).await;
                let answer = raw.read_to_end().await;
                let path = path.escape_ascii();
                assert!(answer.starts_with("HTTP/1.1 "), "{method} {path}: {answer}");
                assert!(!answer.starts_with("HTTP/1.1 5"), "{method} {path}: {answer}");
            }
        }
        expect_healthy(gateway).await;
    });
}

#[test]
fn in_lengths_and_chunks() {
    GATEWAY.run(async |gateway| {
        let head = "POST /sim/echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                    content-type: application/json\r\n";
        for rest in [
            "content-length: abc\r\n\r\n{}",
            "content-length: -1\r\n\r\n{}",
            "content-length: 99999999999999999999999\r\n\r\n{}",
            "content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
            "content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        ] {
            let mut raw = Raw::connect(gateway.address()).await;
            println!("{rest:?}");
            let _ = raw.write(format!("{head}{rest}")).await;
            let answer = raw.read_to_end().await;
            // 501: a transfer coding that Envoy does not know.
            let refused = ["HTTP/1.1 4", "HTTP/1.1 501"];
            let refused = refused.iter().any(|status| answer.starts_with(status));
            assert!(refused, "{rest:?}: {answer}");
        }
        expect_healthy(gateway).await;
    });
}

#[test]
fn chunk_extensions_are_no_part_of_the_body() {
    GATEWAY.run(async |gateway| {
        let mut raw = Raw::connect(gateway.address()).await;
        let request = "POST /sim/echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                       transfer-encoding: chunked\r\n\r\n\
                       8;a=\"b\"\r\n{\"model\"\r\n0c;{\"model\":1}\r\n: \"chatbot\"}\r\n0\r\n\r\n";
        raw.write(request).await.unwrap();
        let head = raw.read_until("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("x-sim-model-header: chatbot\r\n"), "{head}");
    });
}

#[test]
fn bodies_of_random_bytes() {
    GATEWAY.run(async |gateway| {
        // A generator with a fixed seed: the same bytes every time.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        };
        let mut client = gateway.connect(Version::H2).await;
        for n in 0..200 {
            let noise: Vec<u8> = (0..n).flat_map(|_| next()).collect();
            let body = [&b"{\"model\": \"chatbot\", \"x\": \""[..], &noise].concat();
            for kind in ["application/json", "multipart/form-data; boundary=b", "text/plain"] {
                let call = Call::post("/sim/echo").header("content-type", kind);
                let answer = client.send(call.body(body.clone())).await;
                assert!(answer.status < 500, "{kind} {n}: {answer:?}");
            }
        }
        expect_healthy(gateway).await;
    });
}

#[test]
fn clients_that_leave_mid_body_are_counted_and_harm_nobody() {
    run(async {
        // A gateway of its own: nobody else counts.
        let gateway = Gateway::start(Setup::bbr().rest(Rest::Simulator)).await;
        let head = "POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
        let start = r#"{"model": "chatbot", "prompt": ""#;
        let mut left = 0;
        for reset in [false, true] {
            for framing in [
                format!("content-length: 100000\r\n\r\n{start}"),
                format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n{start}\r\n", start.len()),
                format!("transfer-encoding: chunked\r\n\r\nfff\r\n{start}"),
                // Not one byte of the body.
                "content-length: 100000\r\n\r\n".to_owned(),
            ] {
                let mut raw = Raw::connect(gateway.address()).await;
                raw.write(format!("{head}{framing}")).await.unwrap();
                wait_for_request(&gateway).await;
                if reset {
                    raw.reset();
                } else {
                    drop(raw);
                }
                left += 1;
                gateway.wait_for_outcome("aborted", left).await;
            }
        }
        for version in Version::BOTH {
            let path = unique("/v1/completions");
            let (call, mut body) = Call::json(&path, "").channel();
            let mut client = gateway.connect(version).await;
            let upload = tokio::spawn(async move { client.try_send(call).await.is_ok() });
            body.send_data(start.into()).await.unwrap();
            wait_for_request(&gateway).await;
            upload.abort();
            left += 1;
            gateway.wait_for_outcome("aborted", left).await;
            gateway.expect_unseen(&path);
        }
        let reached = gateway.servers().iter().flat_map(|server| server.requests());
        assert_eq!(reached.count(), 0, "nothing goes upstream before the verdict");
        let answer = gateway.send(Call::json("/v1/completions", CHATBOT)).await;
        answer.expect_route("gemma3", Some("chatbot"), Some("chatbot"));
        gateway.check();
    });
}

/// Waits until Envoy works on a request: one that leaves before is never one.
async fn wait_for_request(gateway: &Gateway) {
    gateway_tests::eventually("a request in Envoy", || {
        (gateway.counter("http.gateway.downstream_rq_active") == 1).then_some(())
    })
    .await;
}

#[test]
fn a_client_that_leaves_before_the_answer_ends_the_work_upstream() {
    run(async {
        let gateway = Gateway::start(Setup::bbr().time_scale(1.0)).await;
        for server in gateway.servers() {
            server.faults().update(|faults| faults.hang = true).unwrap();
        }
        for version in Version::BOTH {
            let path = unique("/v1/completions");
            let mut client = gateway.connect(version).await;
            let call = Call::json(&path, r#"{"model": "chatbot", "prompt": "x"}"#);
            let upload = tokio::spawn(async move { client.try_send(call).await.is_ok() });
            gateway.wait_for(&path, Stage::Answering).await;
            upload.abort();
            gateway.wait_for(&path, Stage::Aborted).await;
        }
        gateway.check();
    });
}
