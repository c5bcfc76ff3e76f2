//! The client the tests share.

use crate::{Config, Server, Timings};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::time::Duration;

/// An answer, read to its end.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{:?}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// A server of the guides that answers without delay.
pub async fn server() -> Server {
    start(Config { time_scale: 0.0, ..config() }).await
}

pub fn config() -> Config {
    Config {
        name: "pod-0".into(),
        model: "base".into(),
        adapters: vec!["food=org/food-lora".into()],
        ..Config::default()
    }
}

pub async fn start(config: Config) -> Server {
    Server::start(config).await.unwrap()
}

/// Every request lasts until it is given up.
pub fn endless() -> Timings {
    Timings { decode_base: Duration::from_secs(3600), jitter: 0.0, ..Timings::default() }
}

pub fn request(server: &Server, method: Method, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(format!("http://{}{path}", server.addr()))
}

pub async fn open<B>(request: Request<B>, h2: bool) -> http::Response<Incoming>
where
    B: hyper::body::Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let client = Client::builder(TokioExecutor::new()).http2_only(h2).build_http();
    client.request(request).await.unwrap()
}

pub async fn read(response: http::Response<Incoming>) -> Answer {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

pub async fn get(server: &Server, path: &str) -> Answer {
    let request = request(server, Method::GET, path).body(Full::<Bytes>::default()).unwrap();
    read(open(request, false).await).await
}

pub async fn post(server: &Server, path: &str, body: impl ToString) -> Answer {
    read(post_open(server, path, body).await).await
}

/// A post whose answer is not read yet.
pub async fn post_open(
    server: &Server,
    path: &str,
    body: impl ToString,
) -> http::Response<Incoming> {
    let body = Full::new(Bytes::from(body.to_string()));
    let request = request(server, Method::POST, path)
        .header("content-type", "application/json")
        .body(body)
        .unwrap();
    open(request, false).await
}

/// Polls until the condition holds; a test that waits for something that never
/// comes fails by its runner's time limit.
pub async fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
