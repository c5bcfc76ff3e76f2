//! However HTTP cuts a body into pieces, the filter reads the same body.

use crate::ECHO;
use gateway_tests::{Answer, Call, Raw, Rest, Setup, Shared, Version, unique};
use serde_json::json;

static TRAILERS: Shared = Shared::new(|| {
    let setup = Setup::bbr().echo(json!({"onMissingModel": "reject"}));
    setup.rest(Rest::Simulator).trailers()
});

const BODY: &str =
    r#"{"prompt": "a \"model\": é", "mod\u0065l" : "food-r\u0065view-1", "n": 1.5e3}"#;

fn expect_llama(answer: &Answer) {
    let base = "meta-llama/Llama-3.1-8B-Instruct";
    answer
        .expect_route("vllm-llama3-8b-instruct", Some("food-review-1"), Some(base))
        .expect_body(BODY);
}

#[test]
fn with_and_without_a_length() {
    ECHO.run(async |gateway| {
        for version in Version::BOTH {
            let whole = gateway.send_over(version, Call::json("/sim/echo", BODY)).await;
            expect_llama(&whole);
            assert_eq!(whole.echoed("content-length"), [BODY.len().to_string()]);
            let pieces = Call::json("/sim/echo", "").pieces([BODY], &[]);
            let pieces = gateway.send_over(version, pieces).await;
            expect_llama(&pieces);
            assert_eq!(pieces.echoed("content-length"), [""; 0], "{version:?}");
        }
    });
}

#[test]
fn cut_at_every_byte() {
    ECHO.run(async |gateway| {
        for version in Version::BOTH {
            let mut client = gateway.connect(version).await;
            for at in 0..=BODY.len() {
                let (head, tail) = BODY.as_bytes().split_at(at);
                let call = Call::json("/sim/echo", "").pieces([head.to_vec(), tail.to_vec()], &[]);
                expect_llama(&client.send(call).await);
            }
        }
    });
}

#[test]
fn one_byte_at_a_time() {
    ECHO.run(async |gateway| {
        for version in Version::BOTH {
            let bytes = BODY.bytes().map(|byte| vec![byte]);
            let call = Call::json("/sim/echo", "").pieces(bytes, &[]);
            expect_llama(&gateway.send_over(version, call).await);
        }
    });
}

#[test]
fn one_byte_per_packet_headers_and_chunk_sizes_included() {
    ECHO.run(async |gateway| {
        let chunks: String = BODY.bytes().fold(String::new(), |text, byte| {
            // Each byte of a character of several is a chunk of its own.
            text + &format!("1\r\n\u{0}{}\r\n", char::from(byte))
        });
        let chunks: Vec<u8> = chunks
            .chars()
            .filter(|c| *c != '\u{0}')
            .map(|c| u8::try_from(u32::from(c)).unwrap())
            .collect();
        let head = "POST /sim/echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
        let requests = [
            [
                format!("{head}content-length: {}\r\n\r\n", BODY.len()).into_bytes(),
                BODY.as_bytes().to_vec(),
            ],
            [
                format!("{head}transfer-encoding: chunked\r\n\r\n").into_bytes(),
                [chunks.as_slice(), b"0\r\n\r\n"].concat(),
            ],
        ];
        for request in requests {
            let mut raw = Raw::connect(gateway.address()).await;
            raw.write_bytewise(request.concat()).await.unwrap();
            let head = raw.read_until("\r\n\r\n").await;
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            assert!(head.contains("x-sim-model-header: food-review-1\r\n"), "{head}");
            let length = format!("x-sim-body-bytes: {}\r\n", BODY.len());
            assert!(head.contains(&length), "{head}");
        }
    });
}

#[test]
fn trailers_end_a_body() {
    TRAILERS.run(async |gateway| {
        for version in Version::BOTH {
            for cut in [0, 1, BODY.len() / 2, BODY.len()] {
                let (head, tail) = BODY.as_bytes().split_at(cut);
                let pieces = [head.to_vec(), tail.to_vec()];
                let call = Call::json("/sim/echo", "").pieces(pieces, &[("x-sum", "abc")]);
                let answer = gateway.send_over(version, call).await;
                expect_llama(&answer);
                assert_eq!(answer.echoed_trailer("x-sum"), ["abc"], "{version:?}");
            }
        }
    });
}

#[test]
fn what_is_wrong_with_a_body_shows_at_its_trailers() {
    TRAILERS.run(async |gateway| {
        for version in Version::BOTH {
            for (body, code, param) in [
                (r#"{"model": "chatbot""#, "invalid_json", None),
                (r#"{"prompt": "x"}"#, "missing_required_parameter", Some("model")),
                (r#""chatbot""#, "invalid_body", None),
                (" ", "invalid_json", None),
            ] {
                let path = unique("/sim/echo");
                let call = Call::json(&path, "").pieces([body], &[("x-sum", "abc")]);
                let answer = gateway.send_over(version, call).await;
                answer.expect_error(400, code, param);
                gateway.expect_unseen(&path);
            }
        }
    });
}

#[test]
fn trailers_that_envoy_drops_do_no_harm() {
    // As the guides' configuration has it: HTTP/1.1 trailers are read and thrown away.
    ECHO.run(async |gateway| {
        for version in Version::BOTH {
            let call = Call::json("/sim/echo", "").pieces([BODY], &[("x-sum", "abc")]);
            expect_llama(&gateway.send_over(version, call).await);
        }
    });
}

#[test]
fn a_client_that_expects_100_continue_gets_it() {
    ECHO.run(async |gateway| {
        let mut raw = Raw::connect(gateway.address()).await;
        let head = format!(
            "POST /sim/echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nexpect: 100-continue\r\n\r\n",
            BODY.len()
        );
        raw.write(head).await.unwrap();
        let interim = raw.read_until("\r\n\r\n").await;
        assert!(interim.starts_with("HTTP/1.1 100"), "{interim}");
        raw.write(BODY).await.unwrap();
        let head = raw.read_until("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("x-sim-model-header: food-review-1\r\n"), "{head}");
    });
}

#[test]
fn requests_on_one_connection_are_read_apart() {
    ECHO.run(async |gateway| {
        for version in Version::BOTH {
            let mut client = gateway.connect(version).await;
            for _ in 0..3 {
                expect_llama(&client.send(Call::json("/sim/echo", BODY)).await);
                // Envoy closes an HTTP/1.1 connection after a 400 of its own, but not after
                // a 404.
                let refused = client.send(Call::get("/v1/models/unheard-of")).await;
                refused.expect_error(404, "model_not_found", Some("model"));
                if version == Version::H2 {
                    let refused = client.send(Call::json("/sim/echo", r#"{"model": 1}"#)).await;
                    refused.expect_error(400, "invalid_type", Some("model"));
                }
                let answer = client.send(Call::get("/sim/echo")).await;
                answer.expect_route("everything-else", None, None);
                let answer = client.send(Call::json("/sim/echo", r#"{"model": "chatbot"}"#)).await;
                answer.expect_route("gemma3", Some("chatbot"), Some("chatbot"));
            }
        }
    });
}

#[test]
fn pipelined_requests_are_read_apart() {
    ECHO.run(async |gateway| {
        let mut raw = Raw::connect(gateway.address()).await;
        let models = ["chatbot", "english-bot", "ski-resorts"];
        let request = |model: &str| {
            let body = format!(r#"{{"model": "{model}"}}"#);
            format!(
                "POST /sim/echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        raw.write(models.map(request).concat()).await.unwrap();
        for model in models {
            let head = raw.read_until("\r\n\r\n").await;
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            assert!(head.contains(&format!("x-sim-model-header: {model}\r\n")), "{head}");
            raw.read_until("\"trailers\":[]}").await;
        }
    });
}
