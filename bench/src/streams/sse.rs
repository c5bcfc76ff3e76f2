//! Thousands of responses that stream at once, as chats do.
//!
//! Invariant: each stream counts as whole only if every byte came, in order; what did not
//! is counted, not hidden, and the rest goes on.

use crate::envoys::{Contestant, Stage, process, upstream};
use crate::pools::config::{Places, Scrapes, Variant, bootstrap};
use crate::pools::endpoints::{listen, metrics};
use crate::pools::rate::wait_for_scrapes;
use anyhow::Result;
use bytes::Bytes;
use envoy_runner::EnvoyBinary;
use futures_util::stream::{self, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Endpoints of the pool.
const ENDPOINTS: u16 = 10;
/// Between two events of a stream.
const PACE: Duration = Duration::from_millis(500);
/// Events of a stream.
const EVENTS: usize = 20;
/// How long after its last event a stream may end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of an endpoint's metrics.
const PAGE: usize = 3_000;
/// Reasons that are kept.
const SHOWN: usize = 3;
/// The filters that streams pass.
const VARIANTS: [Variant; 2] = [Variant::RoundRobin, Variant::Both];

/// What came of all streams through one gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sse {
    /// Envoy's version.
    pub envoy: String,
    /// The filters.
    pub variant: Variant,
    /// Streams open at once.
    pub streams: usize,
    /// Those that did not come whole, and why, the first few.
    pub errors: Vec<String>,
    /// How many those are in all.
    pub failed: usize,
    /// Envoy's resident memory before, in bytes, by round.
    pub idle: Vec<u64>,
    /// Its peak meanwhile.
    pub peak: Vec<u64>,
    /// Envoy's CPU time per event, in microseconds, by round.
    pub cpu_per_event: Vec<f64>,
}

/// Opens so many streams through each gateway, all gateways in turn.
///
/// # Errors
/// An Envoy did not start.
pub fn sse(
    stage: &Stage,
    binary: &EnvoyBinary,
    places: &Places,
    rounds: usize,
    streams: usize,
) -> Result<Vec<Sse>> {
    let mut all = VARIANTS.map(|variant| Sse {
        envoy: binary.version.to_string(),
        variant,
        streams,
        errors: vec![],
        failed: 0,
        idle: vec![],
        peak: vec![],
        cpu_per_event: vec![],
    });
    let (endpoints, listeners) = stage.run(listen(ENDPOINTS))?;
    let page = Bytes::from(metrics(0, PAGE));
    stage.run(async {
        for listener in listeners {
            let page = page.clone();
            upstream::serve(listener, move |request| answer(request, page.clone()));
        }
    });
    for _ in 0..rounds {
        for found in &mut all {
            let (bootstrap, port) = bootstrap(found.variant, places, &endpoints, Scrapes::RARE)?;
            let label = found.variant.label();
            let contestant = Contestant::start(binary, label, &bootstrap, port, None)?;
            if found.variant == Variant::Both {
                wait_for_scrapes(stage, &contestant.envoy, ENDPOINTS.into())?;
            }
            let idle = process::memory(contestant.envoy.pid())?;
            contestant.forget_peak()?;
            let cpu = contestant.cpu_time()?;
            let errors = stage.run(open_all(port, streams));
            let cpu = contestant.cpu_time()?.saturating_sub(cpu).as_secs_f64();
            let cpu = cpu * 1e6 / (streams * EVENTS).max(1) as f64;
            println!("{label}: {cpu:.1} µs per event, not whole: {}", errors.len());
            found.failed += errors.len();
            let room = SHOWN.saturating_sub(found.errors.len());
            found.errors.extend(errors.into_iter().take(room));
            found.idle.push(idle);
            found.peak.push(contestant.peak_memory()?);
            found.cpu_per_event.push(cpu);
        }
    }
    Ok(all.into())
}

/// All streams at once; what went wrong with those that were not whole.
async fn open_all(port: u16, streams: usize) -> Vec<String> {
    let mut tasks = JoinSet::new();
    for _ in 0..streams {
        tasks.spawn(async move {
            let limit = PACE * u32::try_from(EVENTS).unwrap_or(u32::MAX) + PATIENCE;
            match tokio::time::timeout(limit, open(port)).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(format!("{error:#}")),
                Err(_) => Some("did not end".to_owned()),
            }
        });
    }
    let ended = tasks.join_all().await;
    ended.into_iter().flatten().collect()
}

async fn open(port: u16) -> Result<()> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let body = format!("{{\"model\":\"{}\",\"stream\":true}}", crate::bodies::MODEL);
    let request = Request::post("/v1/chat/completions")
        .header("host", "gateway")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))?;
    let response = sender.send_request(request).await?;
    anyhow::ensure!(response.status() == StatusCode::OK, "status {}", response.status());
    let body = response.into_body().collect().await?.to_bytes();
    let expected: String = (0..EVENTS).map(event).collect();
    anyhow::ensure!(body == expected.as_bytes(), "{} of {} bytes", body.len(), expected.len());
    Ok(())
}

fn event(n: usize) -> String {
    if n + 1 == EVENTS {
        return "data: [DONE]\n\n".to_owned();
    }
    let delta = format!("{{\"index\":0,\"delta\":{{\"content\":\" token {n}\"}}}}");
    format!("data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{delta}]}}\n\n")
}

type AnyBody = UnsyncBoxBody<Bytes, Infallible>;

async fn answer(
    request: Request<Incoming>,
    page: Bytes,
) -> Result<Response<AnyBody>, hyper::Error> {
    let get = request.method() == Method::GET;
    request.into_body().collect().await?;
    if get {
        return Ok(Response::new(Full::new(page).boxed_unsync()));
    }
    let events = stream::iter(0..EVENTS).then(|n| async move {
        tokio::time::sleep(PACE).await;
        Ok(Frame::data(Bytes::from(event(n))))
    });
    let mut response = Response::new(StreamBody::new(events).boxed_unsync());
    response
        .headers_mut()
        .insert("content-type", hyper::header::HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// Streams from a server that leaves out so many bytes of each.
    async fn errors(missing: usize) -> Vec<String> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        upstream::serve(listener, move |request| async move {
            request.into_body().collect().await?;
            let whole: String = (0..EVENTS).map(event).collect();
            let part = Bytes::from(whole).slice(missing..);
            Ok(Response::new(Full::new(part)))
        });
        open_all(port, 3).await
    }

    #[tokio::test]
    async fn streams_that_are_not_whole_are_counted() {
        assert_eq!(errors(0).await, Vec::<String>::new());
        assert_eq!(errors(1).await.len(), 3);
    }
}
