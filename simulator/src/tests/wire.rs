//! What is on the wire: protocols, bodies of any size, trailers, the log of
//! requests, start and stop.

use super::client::*;
use crate::{Config, Server, Stage, StartError};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use http_body_util::{Full, StreamBody};
use hyper::body::Frame;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use std::fmt::Write;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[tokio::test]
async fn both_protocols_are_served_on_one_port() {
    let server = server().await;
    for (h2, protocol) in [(false, "HTTP/1.1"), (true, "HTTP/2.0")] {
        let request = request(&server, Method::POST, "/v1/completions")
            .body(Full::new(Bytes::from(json!({"model": "base", "prompt": "x"}).to_string())))
            .unwrap();
        let answer = read(open(request, h2).await).await;
        assert_eq!(answer.status, 200);
        assert_eq!(server.requests().last().unwrap().protocol, protocol);
    }
}

#[tokio::test]
async fn a_body_of_many_megabytes_arrives_whole() {
    let server = server().await;
    let content = "quote \\\" and text ".repeat(600_000);
    let body = format!("{{\"model\":\"base\",\"prompt\":\"{content}\"}}");
    let expected = (body.len().to_string(), sha256(body.as_bytes()));
    for h2 in [false, true] {
        let request = request(&server, Method::POST, "/v1/completions")
            .body(Full::new(Bytes::from(body.clone())))
            .unwrap();
        let answer = read(open(request, h2).await).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-sim-body-bytes"), expected.0);
        assert_eq!(answer.header("x-sim-body-sha256"), expected.1);
    }
}

#[tokio::test]
async fn the_gateways_headers_are_echoed_and_logged() {
    let server = server().await;
    let request = request(&server, Method::POST, "/v1/completions")
        .header("X-Gateway-Model-Name", "food")
        .header("X-Gateway-Base-Model-Name", "base")
        .body(Full::new(Bytes::from("{}")))
        .unwrap();
    let answer = read(open(request, false).await).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.header("x-sim-model-header"), "food");
    assert_eq!(answer.header("x-sim-base-model-header"), "base");
    assert_eq!(answer.header("x-sim-body-sha256"), sha256(b"{}"));
    let seen = get(&server, "/sim/requests").await.json();
    assert_eq!(seen.as_array().unwrap().len(), 1);
    assert_eq!(seen[0]["model_header"], "food");
    assert_eq!(seen[0]["base_model_header"], "base");
    assert_eq!(seen[0]["path"], "/v1/completions");
    assert_eq!(seen[0]["status"], 400);
    assert_eq!(seen[0]["stage"], "completed");
    let plain = get(&server, "/v1/models").await;
    assert!(!plain.headers.contains_key("x-sim-model-header"));
    assert_eq!(plain.header("x-sim-body-bytes"), "0");
}

#[tokio::test]
async fn the_echo_tells_method_path_headers_body_and_trailers() {
    let server = server().await;
    for h2 in [false, true] {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-checksum", HeaderValue::from_static("abc"));
        let frames = [Frame::data(Bytes::from("hello")), Frame::trailers(trailers)];
        let frames = frames.map(Ok::<_, Infallible>);
        let request = request(&server, Method::PUT, "/sim/echo/a?b=c")
            .header("x-twice", "1")
            .header("x-twice", "2")
            .header("trailer", "x-checksum")
            .body(StreamBody::new(futures_util::stream::iter(frames)))
            .unwrap();
        let echo = read(open(request, h2).await).await.json();
        assert_eq!(echo["method"], "PUT");
        assert_eq!(echo["path"], "/sim/echo/a?b=c");
        assert_eq!(echo["body_bytes"], 5);
        assert_eq!(echo["body_sha256"], sha256(b"hello"));
        assert_eq!(echo["trailers"], json!([["x-checksum", "abc"]]), "h2: {h2}");
        let headers = echo["headers"].as_array().unwrap();
        let twice = headers.iter().filter(|header| header[0] == "x-twice").count();
        assert_eq!(twice, 2);
        assert!(echo["first_byte_to_end_ms"].as_f64().unwrap() >= 0.0);
    }
}

#[tokio::test]
async fn an_upload_is_in_the_log_while_it_goes_on_and_aborted_when_it_breaks() {
    let server = server().await;
    let mut client = TcpStream::connect(server.addr()).await.unwrap();
    client
        .write_all(b"POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n")
        .await
        .unwrap();
    until(|| server.requests().len() == 1).await;
    assert_eq!(server.requests()[0].stage, Stage::Uploading);
    client.write_all(b"0123456789").await.unwrap();
    until(|| server.requests()[0].body_bytes == 10).await;
    assert_eq!(server.requests()[0].body_sha256, None);
    drop(client);
    until(|| server.requests()[0].stage == Stage::Aborted).await;
}

#[tokio::test]
async fn probes_and_control_paths_are_not_logged() {
    let server = server().await;
    for path in ["/metrics", "/health", "/sim/faults", "/sim/requests"] {
        get(&server, path).await;
    }
    assert_eq!(server.requests(), []);
    get(&server, "/v1/models").await;
    assert_eq!(server.requests().len(), 1);
    server.forget_requests();
    assert_eq!(server.requests(), []);
}

#[tokio::test]
async fn hostile_header_bytes_are_echoed_with_replacements() {
    let server = server().await;
    let mut client = TcpStream::connect(server.addr()).await.unwrap();
    let head = b"GET /sim/echo HTTP/1.1\r\nhost: x\r\nx-odd: \xff\xfe\r\nconnection: close\r\n\r\n";
    client.write_all(head).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\u{fffd}\u{fffd}"), "{answer}");
}

#[tokio::test]
async fn head_is_answered_without_a_body_and_counts_as_completed() {
    let server = server().await;
    let request =
        request(&server, Method::HEAD, "/v1/models").body(Full::<Bytes>::default()).unwrap();
    let answer = read(open(request, false).await).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
    until(|| server.requests()[0].stage == Stage::Completed).await;
}

#[tokio::test]
async fn a_busy_port_is_a_typed_error_and_a_stopped_server_frees_its_port() {
    let server = server().await;
    let address = server.addr();
    let second = Server::start(Config { listen: address, ..config() }).await;
    assert!(matches!(second, Err(StartError::PortBusy(busy)) if busy == address));
    server.faults().update(|faults| faults.hang = true).unwrap();
    let asking = tokio::spawn({
        let ask = format!("http://{address}/v1/completions");
        let request =
            http::Request::post(ask).body(Full::new(Bytes::from("{\"prompt\":\"x\"}"))).unwrap();
        async move {
            let client =
                hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
                    .build_http();
            client.request(request).await.is_err()
        }
    });
    until(|| !server.requests().is_empty()).await;
    server.stop().await;
    assert!(asking.await.unwrap(), "a request that hangs is cut off");
    let again = start(Config { listen: address, ..config() }).await;
    drop(again);
    // The port is free once the dropped server's task was run to its end.
    while let Err(error) = Server::start(Config { listen: address, ..config() }).await {
        assert!(matches!(error, StartError::PortBusy(_)), "{error}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_bad_configuration_is_refused_with_the_servers_name() {
    let refused = Server::start(Config { block_size: 0, ..config() }).await;
    let error = refused.err().unwrap().to_string();
    assert_eq!(error, "configuration of \"pod-0\": block_size: 0 is less than 1");
}
