//! A closed loop of requests over a few kept-alive HTTP/1 connections.
//!
//! Invariant: bounded by time and by number; the first answer that is not the expected
//! one, byte for byte, ends it with an error. Rejected: `wrk` and `h2load`; they only
//! count wrong answers, and would be one more thing to install.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
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

/// What to send, and how much of it.
#[derive(Clone, Debug)]
pub struct Load {
    /// The gateway's port on loopback.
    pub port: u16,
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
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    // Ends when the sender is dropped; its errors come out of the sender.
    tokio::task::spawn_local(connection);
    let mut latencies = Vec::new();
    while begin.elapsed() < load.time && left.get() > 0 {
        left.set(left.get() - 1);
        let sent = Instant::now();
        exchange(&mut sender, load).await?;
        latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(latencies)
}

async fn exchange(sender: &mut SendRequest<Full<Bytes>>, load: &Load) -> Result<(), LoadError> {
    let request = Request::post("/v1/chat/completions")
        .header("host", "gateway")
        .header("content-type", "application/json")
        .header("authorization", "Bearer none")
        .header("user-agent", "gateway-bench")
        .body(Full::new(load.body.clone()))?;
    sender.ready().await?;
    let response = sender.send_request(request).await?;
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
    use crate::gateway::upstream;
    use tokio::task::LocalSet;

    async fn send(expected: &str) -> Result<Done, LoadError> {
        let port = upstream::start().await.unwrap();
        let load = Load {
            port,
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
