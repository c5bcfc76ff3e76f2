//! A closed loop of requests over kept-alive connections, each with one request in flight.
//!
//! Invariant: bounded by time and by number; the first answer that is not the expected
//! one, byte for byte, ends it with an error. Rejected: `wrk` and `h2load`; they only
//! count wrong answers, and would be one more thing to install.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::{JoinError, JoinSet};

/// How long after the end of the time the last answers may come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a load was broken off.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No connection to the gateway.
    #[error("cannot connect to the gateway on port {port}")]
    Connect {
        /// The gateway's port.
        port: u16,
        /// The operating system's reason.
        source: io::Error,
    },
    /// HTTP went wrong.
    #[error("a request failed")]
    Http(#[from] hyper::Error),
    /// A request could not be made.
    #[error("not a request")]
    Request(#[from] hyper::http::Error),
    /// The answer is not the one of the upstream to this request.
    #[error("expected 200 with {expected}, got {status} with {body:.200}")]
    Answer {
        /// The status that came.
        status: StatusCode,
        /// The body that came.
        body: String,
        /// The body that was expected.
        expected: String,
    },
    /// Answers did not come.
    #[error("no answer within {} s after the end of the load", PATIENCE.as_secs())]
    Late,
    /// A task of the load ended early.
    #[error("a connection's task did not end well")]
    Task(#[from] JoinError),
}

/// How requests come to the gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    H1,
    /// HTTP/2 in clear text, with prior knowledge.
    H2,
}

/// What to send, and how much of it.
#[derive(Clone, Debug)]
pub struct Load {
    /// The gateway's port on loopback.
    pub port: u16,
    /// How.
    pub protocol: Protocol,
    /// Each request's body.
    pub body: Bytes,
    /// The expected answer's body.
    pub expected: String,
    /// Connections, each with one request in flight.
    pub connections: usize,
    /// For how long new requests are sent.
    pub time: Duration,
    /// The most requests in all.
    pub requests: u64,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Done {
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Each request's time in microseconds, sorted.
    pub latencies: Vec<u32>,
}

/// Sends a load; needs a `LocalSet`, since all of it runs on this thread.
pub async fn run(load: &Load) -> Result<Done, LoadError> {
    let begin = Instant::now();
    let left = Rc::new(Cell::new(load.requests));
    let mut connections = JoinSet::new();
    for _ in 0..load.connections.max(1) {
        let (load, left) = (load.clone(), Rc::clone(&left));
        connections.spawn_local(async move { connection(&load, &left, begin).await });
    }
    let mut latencies = Vec::new();
    let all = async {
        while let Some(ended) = connections.join_next().await {
            latencies.append(&mut ended??);
        }
        Ok::<(), LoadError>(())
    };
    tokio::time::timeout(load.time + PATIENCE, all).await.map_err(|_| LoadError::Late)??;
    let elapsed = begin.elapsed();
    latencies.sort_unstable();
    Ok(Done { elapsed, latencies })
}

async fn connection(load: &Load, left: &Cell<u64>, begin: Instant) -> Result<Vec<u32>, LoadError> {
    let port = load.port;
    let stream = TcpStream::connect(("127.0.0.1", port)).await;
    let stream = stream.map_err(|source| LoadError::Connect { port, source })?;
    let _ = stream.set_nodelay(true);
    let mut sender = Sender::new(stream, load.protocol).await?;
    let mut latencies = Vec::new();
    while begin.elapsed() < load.time && left.get() > 0 {
        left.set(left.get() - 1);
        let sent = Instant::now();
        exchange(&mut sender, load).await?;
        latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(latencies)
}

/// One connection.
pub enum Sender {
    H1(http1::SendRequest<Full<Bytes>>),
    H2(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    /// Shakes hands. The connection's task ends when the sender is dropped; its errors come
    /// out of the sender.
    pub async fn new(stream: TcpStream, protocol: Protocol) -> Result<Self, hyper::Error> {
        let stream = TokioIo::new(stream);
        Ok(match protocol {
            Protocol::H1 => {
                let (sender, connection) = http1::handshake(stream).await?;
                tokio::task::spawn_local(connection);
                Self::H1(sender)
            }
            Protocol::H2 => {
                let builder = http2::Builder::new(TokioExecutor::new());
                let (sender, connection) = builder.handshake(stream).await?;
                tokio::task::spawn_local(connection);
                Self::H2(sender)
            }
        })
    }

    /// Sends a request as soon as the connection can take one.
    pub async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        match self {
            Self::H1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::H2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }
}

async fn exchange(sender: &mut Sender, load: &Load) -> Result<(), LoadError> {
    // HTTP/2 takes scheme and authority from here; HTTP/1 sends the path alone.
    let uri = match load.protocol {
        Protocol::H1 => "/v1/chat/completions",
        Protocol::H2 => "http://gateway/v1/chat/completions",
    };
    let host = (load.protocol == Protocol::H1).then_some(("host", "gateway"));
    let request = host
        .into_iter()
        .fold(Request::post(uri), |request, (name, value)| request.header(name, value))
        .header("content-type", "application/json")
        .header("authorization", "Bearer none")
        .header("user-agent", "gateway-bench")
        .body(Full::new(load.body.clone()))?;
    let response = sender.send(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    if status == StatusCode::OK && body == load.expected.as_bytes() {
        return Ok(());
    }
    let (body, expected) = (String::from_utf8_lossy(&body).into_owned(), load.expected.clone());
    Err(LoadError::Answer { status, body, expected })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envoys::upstream;
    use tokio::task::LocalSet;

    async fn send(expected: &str) -> Result<Done, LoadError> {
        let port = upstream::start().await.unwrap();
        let load = Load {
            port,
            protocol: Protocol::H1,
            body: Bytes::from_static(b"12345"),
            expected: expected.to_owned(),
            connections: 3,
            time: Duration::from_secs(60),
            requests: 10,
        };
        LocalSet::new().run_until(run(&load)).await
    }

    #[tokio::test]
    async fn sends_as_many_requests_as_it_was_told() {
        let done = send(&upstream::text("", 5)).await.unwrap();
        assert_eq!(done.latencies.len(), 10);
        assert!(done.latencies.is_sorted());
    }

    #[tokio::test]
    async fn a_wrong_answer_is_an_error_that_shows_it() {
        let error = send(&upstream::text("other", 5)).await.unwrap_err();
        let LoadError::Answer { status, body, .. } = error else { panic!("{error}") };
        assert_eq!((status, body), (StatusCode::OK, upstream::text("", 5)));
    }
}
