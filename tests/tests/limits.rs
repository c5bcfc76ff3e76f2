//! Bodies above the limit are refused, with an error object and before Envoy does.

use gateway_tests::{Call, Raw, Rest, Setup, Shared, Version, unique};
use serde_json::json;

static SMALL: Shared =
    Shared::new(|| Setup::bbr().echo(json!({"maxBodyBytes": 1000})).rest(Rest::Simulator));
/// The limits of the guides' configuration as it is: the filter's below Envoy's.
static DEFAULT: Shared = Shared::new(|| Setup::bbr().rest(Rest::Simulator));

/// JSON of this many bytes.
fn sized(bytes: usize) -> String {
    let mut body = r#"{"model": "chatbot", "prompt": ""#.to_owned();
    body += &"x".repeat(bytes - body.len() - 2);
    body + "\"}"
}

#[test]
fn a_body_of_exactly_the_limit_passes() {
    SMALL.run(async |gateway| {
        let body = sized(1000);
        for version in Version::BOTH {
            let whole = Call::json("/sim/echo", body.clone());
            let pieces = Call::json("/sim/echo", "")
                .pieces([&body[..500], &body[500..]].map(str::to_owned), &[]);
            for call in [whole, pieces] {
                let answer = gateway.send_over(version, call).await;
                answer.expect_route("gemma3", Some("chatbot"), Some("chatbot")).expect_body(&body);
            }
        }
    });
}

#[test]
fn one_byte_more_is_refused() {
    SMALL.run(async |gateway| {
        let body = sized(1001);
        for version in Version::BOTH {
            let path = unique("/sim/echo");
            let whole = Call::json(&path, body.clone());
            let pieces =
                Call::json(&path, "").pieces([&body[..500], &body[500..]].map(str::to_owned), &[]);
            for call in [whole, pieces] {
                let answer = gateway.send_over(version, call).await;
                answer.expect_error(413, "request_too_large", None);
                let message = answer.json()["error"]["message"].to_string();
                assert!(message.contains("1000"), "names the limit: {message}");
            }
            gateway.expect_unseen(&path);
        }
    });
}

#[test]
fn a_length_above_the_limit_is_refused_before_the_body_comes() {
    SMALL.run(async |gateway| {
        for length in ["1001", "9999999999", "18446744073709551615"] {
            let path = unique("/v1/completions");
            let mut raw = Raw::connect(gateway.address()).await;
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                 content-length: {length}\r\n\r\n"
            );
            raw.write(head).await.unwrap();
            let answer = raw.read_until("}}").await;
            assert!(answer.starts_with("HTTP/1.1 413"), "{length}: {answer}");
            assert!(answer.contains("\"code\":\"request_too_large\""), "{answer}");
            gateway.expect_unseen(&path);
        }
    });
}

#[test]
fn an_upload_without_a_length_is_refused_as_soon_as_it_is_too_long() {
    SMALL.run(async |gateway| {
        for version in Version::BOTH {
            let path = unique("/v1/completions");
            let (call, mut body) = Call::json(&path, "").channel();
            let mut client = gateway.connect(version).await;
            let answer = tokio::spawn(async move { client.send(call).await });
            body.send_data(r#"{"model": "chatbot", "prompt": ""#.into()).await.unwrap();
            for _ in 0..3 {
                body.send_data("x".repeat(400).into()).await.unwrap();
            }
            // The upload has not ended.
            answer.await.unwrap().expect_error(413, "request_too_large", None);
            drop(body);
            gateway.expect_unseen(&path);
        }
    });
}

#[test]
fn the_limit_counts_forms_and_bodies_without_a_type() {
    SMALL.run(async |gateway| {
        let form = "multipart/form-data; boundary=b";
        let mut body = b"--b\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n".to_vec();
        body.resize(1200, b'x');
        let path = unique("/sim/echo");
        for call in [
            Call::post(&path).header("content-type", form).pieces([body], &[]),
            Call::post(&path).pieces([sized(1200)], &[]),
            Call::post(&path).pieces([" ".repeat(1200)], &[]),
        ] {
            gateway.send(call).await.expect_error(413, "request_too_large", None);
        }
        gateway.expect_unseen(&path);
    });
}

#[test]
fn the_limit_does_not_count_what_is_not_read() {
    SMALL.run(async |gateway| {
        let body = "x".repeat(100_000);
        for call in [
            Call::post("/sim/echo").header("content-type", "text/plain").body(body.clone()),
            Call::json("/sim/echo/elsewhere", body.clone()),
            Call::post("/sim/echo").pieces([&body[..999], &body[999..]].map(str::to_owned), &[]),
        ] {
            let answer = gateway.send(call).await;
            answer.expect_route("everything-else", None, None).expect_body(&body);
        }
    });
}

#[test]
fn the_default_limit_is_16_mib_and_below_envoy_s() {
    DEFAULT.run(async |gateway| {
        const LIMIT: usize = 16 << 20;
        for version in Version::BOTH {
            let body = sized(LIMIT);
            let answer =
                gateway.send_over(version, Call::json("/v1/embeddings", body.clone())).await;
            answer.expect_route("gemma3", Some("chatbot"), Some("chatbot")).expect_body(&body);

            let path = unique("/v1/embeddings");
            let (call, mut upload) = Call::json(&path, "").channel();
            let mut client = gateway.connect(version).await;
            let answer = tokio::spawn(async move { client.send(call).await });
            let body = sized(LIMIT + 1);
            // A failure means that the answer is there already.
            let _ = upload.send_data(body.into()).await;
            answer.await.unwrap().expect_error(413, "request_too_large", None);
            gateway.expect_unseen(&path);
        }
    });
}
